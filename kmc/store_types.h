/* store_types: what reading and writing of run.h5 share; for kmc/store.c and kmc/store_writer.c alone, as it needs HDF5. */
#ifndef KMC_STORE_TYPES_H
#define KMC_STORE_TYPES_H
#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_TYPES_FORMAT "lrm-kmc store 1"
#define STORE_TYPES_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

struct store_types_species {
    char symbol[4];
    int8_t charge;
};

/* Types of a row in memory; close them with H5Tclose. */
hid_t store_types_create_species(void);
hid_t store_types_create_frame(void);

/* Has the type of this dataset all members of a type, of the same classes? */
bool store_types_has_members(hid_t data, hid_t type);

/* To be called before anything else of HDF5: it prints nothing, loads no plugins, and does not clean up when the program ends, where 1.10 would write once more
 * to a file that could not be closed for want of space, and crash. */
void store_types_quiet(void);

/* Properties of opening and creating: no locks (file systems of clusters lack them; a run directory has a lock of its own), checksums of all metadata. */
hid_t store_types_access(void);

#endif
