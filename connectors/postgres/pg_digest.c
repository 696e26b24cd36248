/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_digest.h"

#include <openssl/evp.h>

int
pg_digest_known(const char *name)
{
	const EVP_MD *md = EVP_get_digestbyname(name);

	return md != NULL && EVP_MD_get_size(md) <= PG_DIGEST_MAX;
}

int
pg_digest(const char *name, struct leat_str salt, struct leat_str data,
    uint8_t ret[PG_DIGEST_MAX])
{
	const EVP_MD *md = EVP_get_digestbyname(name);
	EVP_MD_CTX *ctx = md == NULL ? NULL : EVP_MD_CTX_new();
	unsigned n = 0;
	int ok = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
	    EVP_DigestUpdate(ctx, salt.ptr, salt.len) == 1 &&
	    EVP_DigestUpdate(ctx, data.ptr, data.len) == 1 &&
	    EVP_DigestFinal_ex(ctx, ret, &n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? (int)n : -1;
}
