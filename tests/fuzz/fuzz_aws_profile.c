/* The shared files, as somebody may have written them. */
#include "fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "aws/endpoint.h"
#include "aws/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(profile_freep) struct profiles *p = NULL;
	AUTO(own_freep) char *path = NULL;
	struct endpoint ep;
	int fd = memfd_create("profile", MFD_CLOEXEC);

	FUZZ_HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	path = own_printf("/proc/self/fd/%d", fd);
	setenv("AWS_CONFIG_FILE", path, 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	p = profile_load(NULL);
	if (p) {
		profile_get(p, "default", "region");
		profile_service(p, "dev", "sqs", "endpoint_url");
		if (endpoint_init(&ep, &(struct endpoint_options){ .profile = "dev" }, p, NULL) ==
		    0)
			endpoint_done(&ep);
	}
	close(fd);
	return 0;
}
