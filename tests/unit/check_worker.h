#ifndef CHECK_WORKER_H
#define CHECK_WORKER_H

#include <check.h>
#include <stdio.h>

TCase *check_worker_media(void);    /* profiles, argument lists, probes, output keys */
TCase *check_worker_graph(void);    /* what ffmpeg is told */
TCase *check_worker_children(void); /* real children, folders, frames */
TCase *check_worker_sandbox(void);  /* what a confined child can do */
TCase *check_worker_ends(void);     /* how claims end, by a scripted broker */

#endif
