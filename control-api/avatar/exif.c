/* The one value of EXIF that changes how a picture looks. TIFF 6.0, section 2: a byte order, an
 * offset, a list of entries of 12 bytes. */
#include "formats.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12, MAGIC = 42 };

static uint32_t number(struct bytes *bytes, size_t size, bool big) {
    return big ? bytes_big(bytes, size) : bytes_little(bytes, size);
}

/* The value of an entry when it is the orientation, else 0. */
static unsigned read_entry(struct bytes entry, bool big) {
    uint32_t tag = number(&entry, 2, big);
    uint32_t type = number(&entry, 2, big);
    uint32_t count = number(&entry, 4, big);
    uint32_t value = number(&entry, 2, big);

    return tag == TAG_ORIENTATION && type == TYPE_SHORT && count == 1 ? value : 0;
}

unsigned exif_orientation(struct bytes tiff) {
    struct bytes list = tiff;
    const unsigned char *order = bytes_take(&tiff, 2);
    bool big = order && memcmp(order, "MM", 2) == 0;

    if (!order || (!big && memcmp(order, "II", 2) != 0) || number(&tiff, 2, big) != MAGIC) {
        return 1;
    }
    bytes_take(&list, number(&tiff, 4, big));
    for (size_t left = number(&list, 2, big); left > 0 && list.left >= ENTRY; left--) {
        unsigned found = read_entry((struct bytes){bytes_take(&list, ENTRY), ENTRY, false}, big);

        if (found >= 1 && found <= 8) {
            return found;
        }
    }
    return 1;
}
