#include "store_types.h"
#include <string.h>
#include "store.h"

static hid_t create_text(size_t bytes) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, bytes);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

hid_t store_types_create_species(void) {
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct store_types_species));
    hid_t text = create_text(sizeof(((struct store_types_species *)NULL)->symbol));
    H5Tinsert(type, "symbol", HOFFSET(struct store_types_species, symbol), text);
    H5Tinsert(type, "charge", HOFFSET(struct store_types_species, charge), H5T_NATIVE_INT8);
    H5Tclose(text);
    return type;
}

static hid_t create_half(void) {
    static const char *const name[] = {"initial", "charge", "discharge"};
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    for (int8_t k = 0; k < 3; k++)
        H5Tenum_insert(type, name[k], &k);
    return type;
}

hid_t store_types_create_frame(void) {
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct store_frame)), half = create_half();
    H5Tinsert(type, "replica", HOFFSET(struct store_frame, replica), H5T_NATIVE_INT64);
    H5Tinsert(type, "cycle", HOFFSET(struct store_frame, cycle), H5T_NATIVE_INT64);
    H5Tinsert(type, "at", HOFFSET(struct store_frame, half), half);
    H5Tinsert(type, "voltage_V", HOFFSET(struct store_frame, voltage_V), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "passed_V", HOFFSET(struct store_frame, passed_V), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "li", HOFFSET(struct store_frame, n_li), H5T_NATIVE_INT64);
    H5Tinsert(type, "time_s", HOFFSET(struct store_frame, time_s), H5T_NATIVE_DOUBLE);
    H5Tclose(half);
    return type;
}

bool store_types_has_members(hid_t data, hid_t type) {
    hid_t found = H5Dget_type(data);
    bool all = H5Tget_nmembers(found) == H5Tget_nmembers(type);
    for (int k = 0; all && k < H5Tget_nmembers(type); k++) {
        char *name = H5Tget_member_name(type, (unsigned)k);
        int there = name ? H5Tget_member_index(found, name) : -1;
        all = there >= 0 &&
              H5Tget_member_class(found, (unsigned)there) == H5Tget_member_class(type, (unsigned)k);
        H5free_memory(name);
    }
    H5Tclose(found);
    return all;
}

void store_types_quiet(void) {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
}

hid_t store_types_access(void) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_sec2(access);
    H5Pset_file_locking(access, false, true);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    return access;
}
