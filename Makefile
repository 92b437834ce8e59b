# lrm-kmc: `make demo` to try, `make check` to test, `make` to build.  Everything built lands in build/.
#
#   make            the program build/kmc
#   make deps       installs missing Debian packages (root or sudo), or prints the line that does
#   make demo       a first result in a few minutes: table, figures, snapshots
#   make test       fast tests;  make check  all tests that need no GPU;  make validate  long statistics
#   make install PREFIX=/usr/local [PROGRAM_NAME=kmc]     make clean
#   CUDA=0  without nvcc        NO_INSTALL=1  never install anything        CC=clang  other compiler

BUILD        ?= build
PREFIX       ?= /usr/local
PROGRAM_NAME ?= kmc
CC           ?= cc
CXX          ?= c++
PYTHON       ?= /usr/bin/python3
CUDA         ?= 1
CUDA_HOME    ?= $(patsubst %/bin/nvcc,%,$(shell command -v nvcc 2>/dev/null))
CUDA_ARCH    ?= 80 86 89 90 100 120
TOML_DIR     ?=
RANDOM123_DIR ?=

OPTIMISE ?= -O3
# Bit-identical results need contraction off; -march=native is safe but not the default, so that binaries travel.
EXACT     = -ffp-contract=off
WARN      = -Wall -Wextra -Werror
INCLUDES  = $(addprefix -I,$(wildcard $(addsuffix /include,$(TOML_DIR) $(RANDOM123_DIR))))
CFLAGS   ?= $(OPTIMISE) -g
ALL_CFLAGS   = -std=c11 -D_POSIX_C_SOURCE=200809L $(CFLAGS) $(EXACT) $(WARN) -fopenmp $(INCLUDES)
ALL_CXXFLAGS = -std=c++17 $(CFLAGS) $(EXACT) $(WARN) $(INCLUDES)
LIBS      = -lm -lstdc++

GIT_HASH := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
NVCC     := $(if $(filter 0,$(CUDA)),,$(wildcard $(CUDA_HOME)/bin/nvcc))
DEFINES   = -DVERSION_GIT='"$(GIT_HASH)"' -DVERSION_FLAGS='"$(CC) $(CFLAGS) $(EXACT)"' \
            -DVERSION_CUDA='"$(if $(NVCC),kernel headers compiled by nvcc in make check; no CUDA engine in this version,built without nvcc)"'

DATA    := $(sort $(wildcard lattices/data/*.toml)) $(sort $(wildcard lattices/scenarios/*.toml))
C_FILES := $(sort $(wildcard kmc/*.c lattices/*.c))
HEADERS := $(wildcard kmc/*.h lattices/*.h kernels/*.h)
OBJ     := $(BUILD)/obj
OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(C_FILES)) $(OBJ)/kmc/toml_reader.o $(OBJ)/embedded.o
LIBRARY  = $(filter-out $(OBJ)/kmc/main.o,$(OBJECTS))

.PHONY: all deps demo test check validate install clean format lint cuda-headers figures-venv

all: $(BUILD)/kmc

$(BUILD)/kmc: $(OBJECTS)
	@echo link $@
	@$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

$(OBJ)/%.o: %.c $(HEADERS)
	@mkdir -p $(@D)
	@echo cc $<
	@$(CC) $(ALL_CFLAGS) $(if $(filter kmc/output.c kmc/cmd_info.c kmc/main.c,$<),$(DEFINES)) -c -o $@ $<

$(OBJ)/kmc/toml_reader.o: kmc/toml_reader.cpp kmc/toml_reader.h
	@mkdir -p $(@D)
	@echo c++ $<
	@$(CXX) $(ALL_CXXFLAGS) -c -o $@ $<

$(OBJ)/embedded.c: kmc/embed.sh $(DATA)
	@mkdir -p $(@D)
	@sh kmc/embed.sh $@ $(DATA)

$(OBJ)/embedded.o: $(OBJ)/embedded.c kmc/embedded.h
	@$(CC) $(ALL_CFLAGS) -Ikmc -c -o $@ $<

clean:
	rm -rf $(BUILD)
