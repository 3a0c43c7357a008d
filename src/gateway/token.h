/* Who may ask: bearer tokens, out of a file or signed by somebody who is trusted (JWT). */
#ifndef GATEWAY_TOKEN_H
#define GATEWAY_TOKEN_H

#include "base/err.h"
#include "base/instant.h"

#define GATEWAY_TOKEN_LEAST 16 /* characters of a token in the file */
#define GATEWAY_TOKEN_WHO_MAX 65

struct gateway_token_options {   /* NULL or "": not given */
	const char *token_file;  /* one token a line; empty lines and those with a # are none */
	const char *secret_file; /* HS256: the secret, 32 bytes or more */
	const char *key_file;    /* RS256: the public key in PEM; not both */
	const char *audience;    /* that a JWT must name */
	struct span leeway;      /* between our clock and the signer's */
};

struct gateway_token;
/* Reads the files. ERR_POLICY: nothing is given that would let anybody in, or something is wrong.
 */
MUST struct gateway_token *gateway_token_new(const struct gateway_token_options *o, struct err *e);
void gateway_token_free(struct gateway_token *t); /* wipes */
DEFINE_FREEP(struct gateway_token, gateway_token);

/* @p authorization is the header, NULL where there is none. 0, and @p who tells one caller from
 * another (hex, no secret); -1, ERR_DENIED, its code missing_token, invalid_token or
 * expired_token. */
MUST int gateway_token_check(const struct gateway_token *t, const char *authorization,
			     struct instant now, char who[static GATEWAY_TOKEN_WHO_MAX],
			     struct err *e);

#endif
