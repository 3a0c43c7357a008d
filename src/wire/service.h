/* The services we speak to and play: their names in all the places where AWS spells them. */
#ifndef WIRE_SERVICE_H
#define WIRE_SERVICE_H

enum service {
	SERVICE_SQS,
	SERVICE_S3,
	SERVICE_AUTOSCALING,
	SERVICE_STS,
	SERVICE_CLOUDWATCH,
	SERVICE_EC2,     /* the little of it that the embedded cloud plays */
	SERVICE_CONTROL, /* of windlass-local itself: its clock, its faults */
	SERVICE_IMDS,    /* instance metadata: no region, no signature */
	SERVICE_COUNT
};

struct service_info {
	const char *title;   /* "SQS", in sentences */
	const char *signing; /* "sqs": credential scope */
	const char *host;    /* "sqs": first label of the host name */
	const char *env;     /* "SQS": AWS_ENDPOINT_URL_<env> */
	const char *section; /* "sqs": key of a profile's services section */
	const char *version; /* Query API version, "" where there is none */
	const char *target;  /* X-Amz-Target prefix, "" where there is none */
	const char *xmlns;   /* of replies */
};

const struct service_info *service_info(enum service s);

#endif
