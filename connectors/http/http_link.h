/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_link.h: the Link header (RFC 8288), as far as paging needs it.
 */
#ifndef LEAT_HTTP_LINK_H
#define LEAT_HTTP_LINK_H

#include <leat/str.h>

/*
 * Finds the target of the first link whose rel contains "next" (any case). The
 * target points into the text and may be relative. 0, or -1 when there is none
 * or the text is malformed before it.
 */
int http_link_next(struct leat_str header, struct leat_str *ret_target);

#endif
