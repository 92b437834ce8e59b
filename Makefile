# lrm-kmc: `make demo` to try, `make check` to test, `make` to build.  Everything built lands in build/.
#
#   make            the program build/kmc
#   make deps       installs missing Debian packages (root or sudo), or prints the line that does
#   make demo       a first result in a few minutes: table, figures, snapshots
#   make test       fast tests;  make check  all tests that need no GPU;  make validate  long statistics
#   make bench      speed and memory of this build on this machine, as a table and build/bench.json
#   make fuzz       hostile scenarios, studies, checkpoints, formulas, snapshots and stores for 25 s (needs clang);  FUZZ_RUNS=N  so many of each
#   make faults     every request for memory, call of the system and call of CUDA fails once (half an hour; needs strace);  make kills  200 kills of a study at random times
#   make coverage   lines that unit tests and runs reach; fails below 85 % (needs gcovr)
#   make golden     recomputes tests/golden/hashes.txt after an intended change of results
#   make gpu-check  hashes, sanitizers and speed on a GPU;  make gpu-bundle  build/gpu-bundle/, the same for a machine that has only driver and toolkit
#   make install PREFIX=/usr/local [PROGRAM_NAME=kmc]     make clean
#   CUDA=0  without nvcc, MPI=1 with MPI (own BUILD folder), EMULATED=1 with kernels that run on the CPU (slow, for tests)        NO_INSTALL=1  never install anything        CC=clang  other compiler
#   HDF5=0  without run.h5: snapshots stay single files (tests need it)        HDF5_DIR=, TOML_DIR=, RANDOM123_DIR=  where these are, if not of Debian; HDF5 from 1.10.7 on

comma := ,
BUILD        ?= build
PREFIX       ?= /usr/local
PROGRAM_NAME ?= kmc
CC           ?= cc
CXX          ?= c++
PYTHON       ?= /usr/bin/python3
CUDA         ?= 1
CUDA_HOME    ?= $(patsubst %/bin/nvcc,%,$(shell command -v nvcc 2>/dev/null))
# all architectures that are shipped; a plain build makes code for the GPU at hand (sm_90 where there is none) and PTX that any later one can take
ALL_ARCH     ?= 80 86 89 90 100 120
CUDA_ARCH    ?= $(or $(sort $(subst .,,$(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | grep -E '^[0-9.]+$$'))),90)
TOML_DIR     ?=
RANDOM123_DIR ?=
# HDF5=0: without run.h5, snapshots stay single files
HDF5         ?= 1
HDF5_DIR     ?=

# MPI=1: `mpirun -n 8 build/kmc study ...`; flags of the installed MPI, or MPI_CFLAGS and MPI_LIBS
MPI        ?=
MPI_CFLAGS ?= $(if $(MPI),$(shell pkg-config --cflags mpi 2>/dev/null || mpicc --showme:compile 2>/dev/null))
MPI_LIBS   ?= $(if $(MPI),$(shell pkg-config --libs mpi 2>/dev/null || mpicc --showme:link 2>/dev/null))
EMULATED ?=
NVCC     := $(if $(filter 0,$(CUDA))$(EMULATED),,$(wildcard $(CUDA_HOME)/bin/nvcc))
WITH_CUDA = $(NVCC)$(EMULATED)
OPTIMISE ?= -O3
# Bit-identical results need contraction off; -march=native is safe but not the default, so that binaries travel.
EXACT     = -ffp-contract=off
WARN      = -Wall -Wextra -Werror
INCLUDES  = $(addprefix -I,$(wildcard $(addsuffix /include,$(TOML_DIR) $(RANDOM123_DIR))))
CFLAGS   ?= $(OPTIMISE) -g
ALL_CFLAGS   = -std=c11 -D_POSIX_C_SOURCE=200809L $(if $(WITH_CUDA),-DKMC_CUDA) $(if $(MPI),-DKMC_MPI $(MPI_CFLAGS)) $(CFLAGS) $(EXACT) $(WARN) -fopenmp $(INCLUDES)
# Debian keeps the serial library in folders of its own; elsewhere the compiler finds it, or HDF5_DIR says where it is
HDF5_INCLUDE := $(wildcard $(if $(HDF5_DIR),$(HDF5_DIR)/include,/usr/include/hdf5/serial))
HDF5_LIB     := $(firstword $(wildcard $(if $(HDF5_DIR),$(HDF5_DIR)/lib64 $(HDF5_DIR)/lib,/usr/lib/*/hdf5/serial)))
HDF5_LIBS     = $(if $(filter-out 0,$(HDF5)),$(if $(HDF5_LIB),-L$(HDF5_LIB) $(if $(HDF5_DIR),-Wl$(comma)-rpath$(comma)$(HDF5_LIB))) -lhdf5)
ALL_CXXFLAGS = -std=c++17 $(CFLAGS) $(EXACT) $(WARN) $(INCLUDES)
LIBS      = $(MPI_LIBS) $(if $(NVCC),-L$(CUDA_HOME)/lib64 -lcudart_static -lrt -ldl -lpthread) $(HDF5_LIBS) -lz -lm -lstdc++

GIT_HASH := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
DEFINES   = -DVERSION_GIT='"$(GIT_HASH)"' -DVERSION_FLAGS='"$(CC) $(CFLAGS) $(EXACT)"' \
            -DVERSION_CUDA='"$(if $(NVCC),built for sm_ $(CUDA_ARCH) and PTX,$(if $(EMULATED),emulated on the CPU,built without nvcc))"'
VERSIONED = kmc/output.c kmc/cmd_info.c kmc/bench_report.c kmc/main.c

DATA    := $(sort $(wildcard lattices/data/*.toml)) $(sort $(wildcard lattices/scenarios/*.toml))
# nvcc: no fused multiply-add, as on the CPU; machine code for each architecture, PTX for all others
NVCC_ARCH  = $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$(a),code=sm_$(a)) \
             -gencode arch=compute_80,code=compute_80
NVCCFLAGS ?= -O3
ALL_NVCCFLAGS = -std=c++17 $(NVCCFLAGS) -fmad=false -t 0 -ccbin $(CXX) -Xcompiler "-ffp-contract=off $(INCLUDES)" $(INCLUDES)

CUDA_FILES := kmc/engine_cuda.c
CUDA_SOURCES := $(sort $(wildcard kernels/*.cu))
STORE_FILES := $(if $(filter 0,$(HDF5)),kmc/store.c kmc/store_types.c kmc/store_writer.c,kmc/store_absent.c)
C_FILES := $(sort $(filter-out $(if $(WITH_CUDA),,$(CUDA_FILES)) $(STORE_FILES),$(wildcard kmc/*.c lattices/*.c)))
HEADERS := $(wildcard kmc/*.h lattices/*.h kernels/*.h)
OBJ     := $(BUILD)/obj
OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(C_FILES)) $(OBJ)/kmc/toml_reader.o $(OBJ)/embedded.o \
           $(if $(WITH_CUDA),$(CUDA_SOURCES:%.cu=$(OBJ)/%.o)) $(if $(EMULATED),$(OBJ)/tests/emulation/emulation.o)
LIBRARY  = $(filter-out $(OBJ)/kmc/main.o,$(OBJECTS))

.PHONY: all deps demo test check validate fuzz faults kills coverage golden gpu-check gpu-bundle bench install clean format lint FORCE

all: $(BUILD)/kmc

# What was compiled with other flags, or names another commit, is compiled again: each file is renewed only when its line differs.
remember = @mkdir -p $(@D) && echo '$(subst ','\'',$(1))' >$@.new && if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(OBJ)/flags: FORCE
	$(call remember,$(CC) $(ALL_CFLAGS) $(CXX) $(ALL_CXXFLAGS) $(if $(NVCC),$(NVCC) $(ALL_NVCCFLAGS) $(NVCC_ARCH)))

$(OBJ)/commit: FORCE
	$(call remember,$(GIT_HASH))

$(VERSIONED:%.c=$(OBJ)/%.o): $(OBJ)/commit

$(BUILD)/kmc: $(OBJECTS)
	@echo link $@
	@$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

ifneq ($(EMULATED),)
EMULATION = tests/emulation/cuda_runtime.h tests/emulation/translate.sh

$(OBJ)/kernels/%.o: kernels/%.cu $(wildcard kernels/*.h) $(EMULATION) $(OBJ)/flags
	@mkdir -p $(@D)
	@echo c++ $< for the CPU
	@sh tests/emulation/translate.sh $< >$(@:.o=.cpp)
	@$(CXX) $(ALL_CXXFLAGS) -w -Itests/emulation -Ikernels -c -o $@ $(@:.o=.cpp)

$(OBJ)/tests/emulation/emulation.o: tests/emulation/emulation.cpp $(EMULATION) $(OBJ)/flags
	@mkdir -p $(@D)
	@$(CXX) $(ALL_CXXFLAGS) -c -o $@ $<
else
$(OBJ)/kernels/%.o: kernels/%.cu $(wildcard kernels/*.h) $(OBJ)/flags
	@mkdir -p $(@D)
	@echo nvcc $< for $(CUDA_ARCH)
	@$(NVCC) $(ALL_NVCCFLAGS) $(NVCC_ARCH) -c -o $@ $<
endif

$(OBJ)/%.o: %.c $(HEADERS) $(OBJ)/flags
	@mkdir -p $(@D)
	@echo cc $<
	@$(CC) $(ALL_CFLAGS) $(if $(filter kmc/store% tests/test_store.c tests/fuzz/fuzz_store.c,$<),$(HDF5_INCLUDE:%=-isystem %)) $(if $(filter $(VERSIONED),$<),$(DEFINES)) -c -o $@ $<

$(OBJ)/kmc/toml_reader.o: kmc/toml_reader.cpp kmc/toml_reader.h $(OBJ)/flags
	@mkdir -p $(@D)
	@echo c++ $<
	@$(CXX) $(ALL_CXXFLAGS) -c -o $@ $<

$(OBJ)/embedded.c: kmc/embed.sh $(DATA)
	@mkdir -p $(@D)
	@sh kmc/embed.sh $@ $(DATA)

$(OBJ)/embedded.o: $(OBJ)/embedded.c kmc/embedded.h $(OBJ)/flags
	@$(CC) $(ALL_CFLAGS) -Ikmc -c -o $@ $<

# ---- packages ----

DEB_PACKAGES = gcc g++ make libtomlplusplus-dev librandom123-dev libxxhash-dev zlib1g-dev libcriterion-dev python3 python3-venv \
               $(if $(filter-out 0,$(HDF5)),$(if $(HDF5_DIR),,libhdf5-dev))
SUDO := $(if $(filter 0,$(shell id -u)),,$(shell command -v sudo 2>/dev/null))

deps:
	@missing="$$(for p in $(DEB_PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || printf '%s ' $$p; done)"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	echo "missing Debian packages: $$missing"; \
	line="apt-get install -y --no-install-recommends $$missing"; \
	if [ -n "$(NO_INSTALL)" ] || { [ "$$(id -u)" != 0 ] && ! $(or $(SUDO),false) -n true 2>/dev/null; }; then \
	    echo "run this first, then make again:"; echo "    sudo apt-get update && sudo $$line"; exit 2; fi; \
	$(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) $$line

# ---- demo ----

DEMO_DIR ?= runs/demo
VENV     := $(BUILD)/venv

# The Python part is optional: without it the table still comes and the figures that were skipped are named.
$(VENV)/ready: analysis/pyproject.toml $(wildcard analysis/lrmkmc/*.py analysis/lrmkmc/assets/*)
	@mkdir -p $(BUILD)
	@$(PYTHON) -m venv $(VENV) >$(BUILD)/venv.log 2>&1 && \
	 rm -rf analysis/build && $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check './analysis[test]' >>$(BUILD)/venv.log 2>&1 && touch $@ \
	 || { echo "no Python environment (see $(BUILD)/venv.log): figures and Python tests are skipped"; rm -f $@; }

demo:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@if [ -e $(DEMO_DIR) ]; then n=1; while [ -e $(DEMO_DIR).$$n ]; do n=$$((n+1)); done; \
	    mv $(DEMO_DIR) $(DEMO_DIR).$$n; echo "the earlier $(DEMO_DIR) is now $(DEMO_DIR).$$n"; fi
	$(BUILD)/kmc run builtin:demo -o $(DEMO_DIR)
	@$(BUILD)/kmc export $(DEMO_DIR) --cycle 10 --at charge --format extxyz -o $(DEMO_DIR)/r000_c0010_charge.extxyz
	@$(MAKE) --no-print-directory $(VENV)/ready
	@if [ -e $(VENV)/ready ]; then $(VENV)/bin/python -m lrmkmc figures $(DEMO_DIR) --format png && \
	    $(BUILD)/kmc report $(DEMO_DIR) -o $(DEMO_DIR)/report.html; \
	 else echo "skipped: voltage profiles, mean voltages with the fade fit, structure, layer pictures, report"; fi

# ---- tests ----

TEST_FILES     := $(sort $(filter-out tests/faults.c $(if $(filter 0,$(HDF5)),tests/test_store.c),$(wildcard tests/*.c)))
VALIDATE_FILES := $(sort $(wildcard tests/validate/*.c))
TEST_OBJECTS     = $(patsubst %.c,$(OBJ)/%.o,$(TEST_FILES))
VALIDATE_OBJECTS = $(patsubst %.c,$(OBJ)/%.o,$(VALIDATE_FILES)) $(OBJ)/tests/fixture.o

$(BUILD)/test: $(TEST_OBJECTS) $(LIBRARY)
	@echo link $@
	@$(CC) $(ALL_CFLAGS) -o $@ $^ -lcriterion $(LIBS)

$(BUILD)/validate: $(VALIDATE_OBJECTS) $(LIBRARY)
	@echo link $@
	@$(CC) $(ALL_CFLAGS) -o $@ $^ -lcriterion $(LIBS)

test:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all $(BUILD)/test
	$(BUILD)/test --quiet

validate:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all $(BUILD)/validate
	$(BUILD)/validate

check:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all $(BUILD)/test $(BUILD)/validate $(FUZZ_TARGETS:%=$(BUILD)/replay_%) $(BUILD)/faults.so $(VENV)/ready
	@python=; [ ! -e $(VENV)/ready ] || python=$(VENV)/bin/python; \
	 BUILD=$(BUILD) NVCC=$(NVCC) PYTHON=$$python sh tests/check.sh

# ---- fuzzing: tests/fuzz ----

FUZZ_TARGETS := scenario study checkpoint formula snapshot $(if $(filter-out 0,$(HDF5)),store)
FUZZ_SHARED   = $(OBJ)/tests/fuzz/fuzz.o $(LIBRARY)

# a target that reads files instead, for `make check`; one that makes its inputs, in a build with clang and -fsanitize=fuzzer-no-link
$(BUILD)/replay_%: $(OBJ)/tests/fuzz/fuzz_%.o $(OBJ)/tests/fuzz/replay.o $(FUZZ_SHARED)
	@$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/fuzz_%: $(OBJ)/tests/fuzz/fuzz_%.o $(FUZZ_SHARED)
	@echo link $@
	@$(CXX) $(CFLAGS) -fopenmp -fsanitize=fuzzer -o $@ $^ $(LIBS)

.PRECIOUS: $(OBJ)/tests/fuzz/%.o

fuzz: all
	@command -v clang >/dev/null || { echo "make fuzz needs clang: apt-get install clang libclang-rt-dev libomp-dev"; exit 2; }
	@$(MAKE) --no-print-directory CUDA=0 BUILD=$(BUILD)/fuzz CC=clang CXX=clang++ \
	    OPTIMISE="-O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-sanitize-coverage=trace-cmp" $(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzz_%)
	@KMC=$(BUILD)/kmc sh tests/fuzz/fuzz.sh $(BUILD)/fuzz $(FUZZ_TARGETS)

# ---- faults ----

FAULTS_EVERY ?= 1

$(BUILD)/faults.so: tests/faults.c
	@$(CC) -O1 -fno-builtin $(WARN) -shared -fPIC -o $@ $<

faults: all $(BUILD)/faults.so
	@command -v strace >/dev/null || { echo "make faults needs strace: apt-get install strace"; exit 2; }
	sh tests/faults.sh $(BUILD)/kmc $(BUILD)/faults.so $(BUILD)/faults $(FAULTS_EVERY)
	@$(MAKE) --no-print-directory EMULATED=1 BUILD=$(BUILD)/emulated $(BUILD)/emulated/kmc
	ENGINE=cuda sh tests/faults.sh $(BUILD)/emulated/kmc - $(BUILD)/faults_cuda $(FAULTS_EVERY)

kills: all
	sh tests/kills.sh $(BUILD)/kmc $(BUILD)/kills

# ---- coverage: lines of kmc/, lattices/ and kernels/ that the unit tests and some runs of the program reach ----

COVERAGE_FLOOR ?= 85

coverage:
	@command -v gcovr >/dev/null || { echo "make coverage needs gcovr: apt-get install gcovr"; exit 2; }
	@$(MAKE) --no-print-directory CUDA=0 BUILD=$(BUILD)/coverage OPTIMISE="-O1 --coverage" $(BUILD)/coverage/kmc $(BUILD)/coverage/test
	@find $(BUILD)/coverage -name '*.gcda' -delete
	@sh tests/coverage.sh $(BUILD)/coverage $(COVERAGE_FLOOR)

golden: all
	@sh tests/golden.sh --print $(BUILD)/kmc cpu 0 >$(BUILD)/hashes.txt
	@{ echo "# name, replica, cycle, state hash; engine cpu, written by make golden"; cat $(BUILD)/hashes.txt; } >tests/golden/hashes.txt
	@echo "$$(grep -vc '^#' tests/golden/hashes.txt) hashes in tests/golden/hashes.txt"

# ---- speed ----

BENCH_SECONDS ?= 3

bench:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	$(BUILD)/kmc bench --seconds $(BENCH_SECONDS) --json $(BUILD)/bench.json

# ---- GPU ----

gpu-check: all
	sh tests/gpu-check.sh $(BUILD)/kmc $(BUILD)/gpu-check

BUNDLE_ARCH ?= 80 86 89 90 100 120

# Built apart: another choice of architectures, and static libraries (libsz and libaec are of Debian's HDF5; HDF5=0 where there are none); what these hold
# unused goes, and with it the need of a later glibc.
gpu-bundle:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/bundle CUDA_ARCH="$(BUNDLE_ARCH)" $(BUILD)/bundle/kmc-static
	@NVCC=$(NVCC) sh tests/gpu-bundle.sh $(BUILD)/bundle/kmc-static $(BUILD)/gpu-bundle

$(BUILD)/kmc-static: $(OBJECTS)
	@echo link $@
	@$(CC) $(filter-out -fopenmp,$(ALL_CFLAGS)) -o $@ $^ -Wl,--gc-sections -static-libgcc $(subst -lhdf5,-l:libhdf5.a -l:libsz.a -l:libaec.a,$(subst -lz,-l:libz.a,$(subst -lstdc++,-l:libstdc++.a,$(LIBS)))) -l:libgomp.a -ldl -lpthread

# ---- house-keeping ----

install: all
	install -D -m 755 $(BUILD)/kmc $(DESTDIR)$(PREFIX)/bin/$(PROGRAM_NAME)

format:
	clang-format -i $(wildcard kmc/*.[ch] kernels/*.h lattices/*.[ch] tests/*.[ch] tests/validate/*.[ch] tests/fuzz/*.[ch])

lint:
	clang-format --dry-run -Werror $(wildcard kmc/*.[ch] kernels/*.h lattices/*.[ch] tests/*.[ch] tests/validate/*.[ch] tests/fuzz/*.[ch])
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -D_POSIX_C_SOURCE=200809L kmc lattices

clean:
	rm -rf $(BUILD)
