#include "output.h"

void output_write(FILE *stream, struct slice text)
{
    if (text.size > 0)
        fwrite(text.data, 1, text.size, stream);
    fflush(stream);
}
