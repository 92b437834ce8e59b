/* version: what every output carries about the program that wrote it. */
#ifndef KMC_VERSION_H
#define KMC_VERSION_H

#define VERSION "0.1.0"
#ifndef VERSION_GIT
#define VERSION_GIT "unknown"
#endif
#ifndef VERSION_FLAGS
#define VERSION_FLAGS "unknown"
#endif
#ifndef VERSION_CUDA
#define VERSION_CUDA "not built in"
#endif

#endif
