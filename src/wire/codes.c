#include "wire/codes.h"

#include <string.h>

#include "base/own.h"

/* Sources: the services' models and "Common Errors" pages, S3's list of error codes, and the SDK
 * guide's lists of throttling and transient codes. Service rows stand before those of every
 * service. */
#define ROW(svc, n, st, k, ...)                                                         \
	{                                                                               \
		.service = SERVICE_##svc, .name = (n), .status = (st), .kind = ERR_##k, \
		__VA_ARGS__                                                             \
	}
#define ANY(n, st, k, ...)                                                               \
	{                                                                                \
		.every = true, .name = (n), .status = (st), .kind = ERR_##k, __VA_ARGS__ \
	}
#define SQS_PREFIX "AWS.SimpleQueueService."
#define SAFE .unexecuted = true, .transient = true

static const struct code codes[] = {
	ROW(SQS, "QueueDoesNotExist", 400, NOT_FOUND, .legacy = SQS_PREFIX "NonExistentQueue",
	    .message = "The specified queue does not exist."),
	ROW(SQS, "QueueNameExists", 400, CONFLICT, .legacy = "QueueAlreadyExists",
	    .message = "A queue already exists with the same name and a different value for an "
		       "attribute."),
	ROW(SQS, "QueueDeletedRecently", 400, CONFLICT, .legacy = SQS_PREFIX "QueueDeletedRecently",
	    .message = "You must wait 60 seconds after deleting a queue before you can create "
		       "another with the same name."),
	ROW(SQS, "PurgeQueueInProgress", 403, CONFLICT, .legacy = SQS_PREFIX "PurgeQueueInProgress",
	    .message = "Only one PurgeQueue operation is allowed every 60 seconds."),
	ROW(SQS, "OverLimit", 403, THROTTLED,
	    .message = "Too many messages are in flight on this queue."),
	ROW(SQS, "ReceiptHandleIsInvalid", 400, CONFLICT,
	    .message = "The input receipt handle is invalid."),
	ROW(SQS, "MessageNotInflight", 400, CONFLICT, .legacy = SQS_PREFIX "MessageNotInflight",
	    .message = "The message referred to isn't in flight."),
	ROW(SQS, "InvalidParameterValueException", 400, POLICY, .legacy = "InvalidParameterValue",
	    .message = "A parameter has an invalid value."),
	ROW(SQS, "MissingRequiredParameterException", 400, POLICY, .legacy = "MissingParameter",
	    .message = "A required parameter is missing."),
	ROW(SQS, "InvalidAttributeName", 400, POLICY, .message = "Unknown Attribute."),
	ROW(SQS, "InvalidAttributeValue", 400, POLICY,
	    .message = "Invalid value for an attribute."),
	ROW(SQS, "InvalidMessageContents", 400, POLICY,
	    .message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
		       "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"),
	ROW(SQS, "EmptyBatchRequest", 400, POLICY, .legacy = SQS_PREFIX "EmptyBatchRequest",
	    .message = "There should be at least one entry in the request."),
	ROW(SQS, "TooManyEntriesInBatchRequest", 400, POLICY,
	    .legacy = SQS_PREFIX "TooManyEntriesInBatchRequest",
	    .message = "Maximum number of entries per request are 10."),
	ROW(SQS, "BatchEntryIdsNotDistinct", 400, POLICY,
	    .legacy = SQS_PREFIX "BatchEntryIdsNotDistinct", .message = "Entry ids repeat."),
	ROW(SQS, "InvalidBatchEntryId", 400, POLICY, .legacy = SQS_PREFIX "InvalidBatchEntryId",
	    .message = "A batch entry id can only contain alphanumeric characters, hyphens and "
		       "underscores. It can be at most 80 letters long."),
	ROW(SQS, "BatchRequestTooLong", 400, POLICY, .legacy = SQS_PREFIX "BatchRequestTooLong",
	    .message = "Batch requests cannot be longer than 1048576 bytes."),
	ROW(SQS, "UnsupportedOperation", 400, POLICY, .legacy = SQS_PREFIX "UnsupportedOperation",
	    .message = "Unsupported operation."),
	ROW(SQS, "ResourceNotFoundException", 404, NOT_FOUND,
	    .message = "The resource that you specified doesn't exist."),
	ROW(SQS, "InvalidAddress", 404, NOT_FOUND,
	    .message = "The address is not valid for this endpoint."),
	ROW(SQS, "InvalidSecurity", 403, DENIED,
	    .message = "The request was not made over HTTPS or did not use SigV4."),
	ROW(SQS, "KmsThrottled", 400, THROTTLED, SAFE, .message = "KMS throttles."),
	ROW(SQS, "KmsAccessDenied", 400, DENIED,
	    .message = "The caller doesn't have the required KMS access."),

	ROW(AUTOSCALING, "AlreadyExists", 400, CONFLICT,
	    .message = "You already have a group with this name."),
	ROW(AUTOSCALING, "LimitExceeded", 400, POLICY,
	    .message = "You have reached a limit for your Auto Scaling resources."),
	ROW(AUTOSCALING, "ResourceContention", 500, CONFLICT, SAFE,
	    .message = "You already have a pending update to an Auto Scaling resource."),
	ROW(AUTOSCALING, "ResourceContentionFault", 500, CONFLICT, SAFE,
	    .legacy = "ResourceContention",
	    .message = "You already have a pending update to an Auto Scaling resource."),
	ROW(AUTOSCALING, "ScalingActivityInProgress", 400, CONFLICT,
	    .message = "Scaling activities are in progress for the group."),
	ROW(AUTOSCALING, "ResourceInUse", 400, CONFLICT,
	    .message = "The group still has instances or scaling activities."),
	ROW(AUTOSCALING, "InvalidNextToken", 400, PROTOCOL,
	    .message = "The NextToken value is not valid."),
	ROW(AUTOSCALING, "ServiceLinkedRoleFailure", 500, UNREACHABLE,
	    .message = "The service-linked role is not yet ready for use."),
	ROW(AUTOSCALING, "InstanceRefreshInProgress", 400, CONFLICT,
	    .message = "An instance refresh is in progress."),
	ROW(AUTOSCALING, "ActiveInstanceRefreshNotFound", 400, NOT_FOUND,
	    .message = "No instance refresh of the group is in progress."),
	ROW(AUTOSCALING, "IrreversibleInstanceRefresh", 400, POLICY,
	    .message = "The instance refresh cannot be rolled back."),

	ROW(STS, "InvalidIdentityToken", 400, DENIED,
	    .message = "The web identity token that was passed could not be validated."),
	ROW(STS, "ExpiredTokenException", 400, DENIED,
	    .message = "The web identity token that was passed is expired."),
	ROW(STS, "IDPRejectedClaim", 403, DENIED,
	    .message = "The identity provider reported that authentication failed."),

	ROW(EC2, "InvalidInstanceID.NotFound", 400, NOT_FOUND,
	    .message = "The instance ID does not exist"),
	ROW(EC2, "InvalidInstanceID.Malformed", 400, POLICY,
	    .message = "The instance ID is malformed"),
	ROW(EC2, "InvalidLaunchTemplateName.MalformedException", 400, POLICY,
	    .message = "The launch template name is malformed."),
	ROW(EC2, "InvalidLaunchTemplateName.AlreadyExistsException", 400, CONFLICT,
	    .message = "Launch template name already in use."),
	ROW(EC2, "InvalidLaunchTemplateName.NotFoundException", 400, NOT_FOUND,
	    .message = "The specified launch template does not exist."),
	ROW(EC2, "InvalidLaunchTemplateId.NotFound", 400, NOT_FOUND,
	    .message = "The specified launch template does not exist."),
	ROW(EC2, "InvalidLaunchTemplateId.VersionNotFound", 400, NOT_FOUND,
	    .message = "Could not find launch template version."),
	ROW(EC2, "OperationNotPermitted", 400, DENIED,
	    .message = "The operation is not permitted."),

	ROW(CLOUDWATCH, "InvalidParameterValueException", 400, POLICY,
	    .legacy = "InvalidParameterValue", .message = "A parameter has an invalid value."),
	ROW(CLOUDWATCH, "InvalidParameterCombinationException", 400, POLICY,
	    .legacy = "InvalidParameterCombination",
	    .message = "Parameters that must not be used together were used together."),
	ROW(CLOUDWATCH, "MissingRequiredParameterException", 400, POLICY,
	    .legacy = "MissingParameter", .message = "A required parameter is missing."),
	ROW(CLOUDWATCH, "InvalidNextToken", 400, PROTOCOL,
	    .message = "The next token specified is invalid."),
	ROW(CLOUDWATCH, "InvalidFormatFault", 400, POLICY, .legacy = "InvalidFormat",
	    .message = "Data was not syntactically valid JSON."),
	ROW(CLOUDWATCH, "LimitExceededFault", 400, POLICY, .legacy = "LimitExceeded",
	    .message = "The quota for alarms for this customer has already been reached."),
	ROW(CLOUDWATCH, "ResourceNotFound", 404, NOT_FOUND,
	    .message = "The named resource does not exist."),
	ROW(CLOUDWATCH, "ResourceNotFoundException", 404, NOT_FOUND,
	    .message = "The named resource does not exist."),
	ROW(CLOUDWATCH, "InternalServiceFault", 500, UNREACHABLE, .legacy = "InternalServiceError",
	    .transient = true,
	    .message = "Request processing has failed due to some unknown error, exception, or "
		       "failure."),

	ROW(S3, "NoSuchKey", 404, NOT_FOUND, .message = "The specified key does not exist."),
	ROW(S3, "NoSuchBucket", 404, NOT_FOUND, .message = "The specified bucket does not exist"),
	ROW(S3, "NoSuchUpload", 404, NOT_FOUND,
	    .message = "The specified upload does not exist. The upload ID may be invalid, or the "
		       "upload may have been aborted or completed."),
	ROW(S3, "NoSuchVersion", 404, NOT_FOUND,
	    .message = "The specified version does not exist."),
	ROW(S3, "BucketAlreadyOwnedByYou", 409, CONFLICT,
	    .message = "Your previous request to create the named bucket succeeded and you "
		       "already own it."),
	ROW(S3, "BucketAlreadyExists", 409, CONFLICT,
	    .message = "The requested bucket name is not available."),
	ROW(S3, "BucketNotEmpty", 409, CONFLICT,
	    .message = "The bucket you tried to delete is not empty"),
	ROW(S3, "PreconditionFailed", 412, CONFLICT,
	    .message = "At least one of the pre-conditions you specified did not hold"),
	ROW(S3, "ConditionalRequestConflict", 409, CONFLICT,
	    .message = "The conditional request cannot succeed due to a conflicting operation "
		       "against this resource."),
	ROW(S3, "OperationAborted", 409, CONFLICT,
	    .message = "A conflicting conditional action is currently in progress against this "
		       "resource. Try again."),
	ROW(S3, "InvalidRange", 416, POLICY, .message = "The requested range is not satisfiable"),
	ROW(S3, "InvalidPartNumber", 416, POLICY,
	    .message = "The requested partnumber is not satisfiable"),
	ROW(S3, "EntityTooLarge", 400, POLICY,
	    .message = "Your proposed upload exceeds the maximum allowed size"),
	ROW(S3, "EntityTooSmall", 400, POLICY,
	    .message = "Your proposed upload is smaller than the minimum allowed size"),
	ROW(S3, "IncompleteBody", 400, UNREACHABLE, .transient = true,
	    .message = "You did not provide the number of bytes specified by the Content-Length "
		       "HTTP header"),
	ROW(S3, "BadDigest", 400, PROTOCOL,
	    .message = "The Content-MD5 or checksum value that you specified did not match what "
		       "the server received."),
	ROW(S3, "InvalidDigest", 400, POLICY,
	    .message = "The Content-MD5 or checksum value that you specified is not valid."),
	ROW(S3, "XAmzContentSHA256Mismatch", 400, PROTOCOL,
	    .message = "The provided 'x-amz-content-sha256' header does not match what was "
		       "computed."),
	ROW(S3, "InvalidChunkSizeError", 403, PROTOCOL,
	    .message = "Only the last chunk is allowed to have a size less than 8192 bytes"),
	ROW(S3, "MalformedTrailerError", 400, PROTOCOL,
	    .message = "The request contained trailing data that was not well-formed or did not "
		       "conform to our published schema."),
	ROW(S3, "MissingContentLength", 411, PROTOCOL,
	    .message = "You must provide the Content-Length HTTP header."),
	ROW(S3, "InvalidArgument", 400, POLICY, .message = "Invalid Argument"),
	ROW(S3, "InvalidRequest", 400, POLICY, .message = "Invalid Request"),
	ROW(S3, "InvalidBucketName", 400, POLICY, .message = "The specified bucket is not valid."),
	ROW(S3, "InvalidLocationConstraint", 400, POLICY,
	    .message = "The specified location-constraint is not valid"),
	ROW(S3, "IllegalLocationConstraintException", 400, POLICY,
	    .message = "The location constraint is incompatible for the region specific endpoint "
		       "this request was sent to."),
	ROW(S3, "InvalidURI", 400, POLICY, .message = "Couldn't parse the specified URI."),
	ROW(S3, "KeyTooLongError", 400, POLICY, .message = "Your key is too long"),
	ROW(S3, "MetadataTooLarge", 400, POLICY,
	    .message = "Your metadata headers exceed the maximum allowed metadata size."),
	ROW(S3, "InvalidTag", 400, POLICY,
	    .message = "The tag provided was not a valid tag. This error can occur if the tag did "
		       "not pass input validation."),
	ROW(S3, "BadRequest", 400, POLICY, .message = "Bad Request"),
	ROW(S3, "NoSuchCORSConfiguration", 404, POLICY,
	    .message = "The CORS configuration does not exist"),
	ROW(S3, "NoSuchBucketPolicy", 404, POLICY, .message = "The bucket policy does not exist"),
	ROW(S3, "NoSuchLifecycleConfiguration", 404, POLICY,
	    .message = "The lifecycle configuration does not exist"),
	ROW(S3, "NoSuchWebsiteConfiguration", 404, POLICY,
	    .message = "The specified bucket does not have a website configuration"),
	ROW(S3, "NoSuchConfiguration", 404, POLICY,
	    .message = "The specified configuration does not exist."),
	ROW(S3, "ObjectLockConfigurationNotFoundError", 404, POLICY,
	    .message = "Object Lock configuration does not exist for this bucket"),
	ROW(S3, "ReplicationConfigurationNotFoundError", 404, POLICY,
	    .message = "The replication configuration was not found"),
	ROW(S3, "AccessControlListNotSupported", 400, POLICY,
	    .message = "The bucket does not allow ACLs"),
	ROW(S3, "AccessForbidden", 403, DENIED, .message = "Access Forbidden"),
	ROW(S3, "InvalidRedirectLocation", 400, POLICY,
	    .message = "The website redirect location must have a prefix of 'http://' or "
		       "'https://' or '/'."),
	ROW(S3, "InvalidStorageClass", 400, POLICY,
	    .message = "The storage class you specified is not valid"),
	ROW(S3, "InvalidEncryptionAlgorithmError", 400, POLICY,
	    .message = "The encryption request you specified is not valid."),
	ROW(S3, "InvalidPolicyDocument", 400, POLICY,
	    .message = "The content of the form does not meet the conditions specified in the "
		       "policy document."),
	ROW(S3, "MalformedPOSTRequest", 400, POLICY,
	    .message = "The body of your POST request is not well-formed multipart/form-data."),
	ROW(S3, "MaxPostPreDataLengthExceeded", 400, POLICY,
	    .message = "Your POST request fields preceding the upload file were too large."),
	ROW(S3, "NoSuchTagSet", 404, POLICY, .message = "The TagSet does not exist"),
	ROW(S3, "InvalidPart", 400, POLICY,
	    .message = "One or more of the specified parts could not be found. The part may not "
		       "have been uploaded, or the specified entity tag may not match the part's "
		       "entity tag."),
	ROW(S3, "InvalidPartOrder", 400, POLICY,
	    .message = "The list of parts was not in ascending order. Parts must be ordered by "
		       "part number."),
	ROW(S3, "MalformedXML", 400, POLICY,
	    .message = "The XML you provided was not well-formed or did not validate against our "
		       "published schema"),
	ROW(S3, "MethodNotAllowed", 405, POLICY,
	    .message = "The specified method is not allowed against this resource."),
	ROW(S3, "NotImplemented", 501, POLICY,
	    .message = "A header you provided implies functionality that is not implemented"),
	ROW(S3, "RequestTimeout", 400, UNREACHABLE, .transient = true,
	    .message = "Your socket connection to the server was not read from or written to "
		       "within the timeout period."),
	ROW(S3, "SlowDown", 503, THROTTLED, SAFE, .message = "Please reduce your request rate."),
	ROW(S3, "PermanentRedirect", 301, POLICY,
	    .message = "The bucket you are attempting to access must be addressed using the "
		       "specified endpoint."),
	ROW(S3, "AuthorizationHeaderMalformed", 400, DENIED,
	    .message = "The authorization header that you provided is not valid."),
	ROW(S3, "AuthorizationQueryParametersError", 400, DENIED,
	    .message = "The authorization query parameters that you provided are not valid."),
	ROW(S3, "InvalidAccessKeyId", 403, DENIED,
	    .message = "The AWS Access Key Id you provided does not exist in our records."),
	ROW(S3, "InvalidToken", 400, DENIED,
	    .message = "The provided token is malformed or otherwise invalid."),
	ROW(S3, "ExpiredToken", 400, DENIED, .unexecuted = true,
	    .message = "The provided token has expired."),

	ANY("AccessDenied", 403, DENIED, .message = "Access Denied"),
	ANY("AccessDeniedException", 403, DENIED, .legacy = "AccessDenied",
	    .message = "User is not authorized to perform this action."),
	ANY("NotAuthorized", 400, DENIED,
	    .message = "You do not have permission to perform this action."),
	ANY("AuthFailure", 401, DENIED, .message = "The credentials could not be validated."),
	ANY("OptInRequired", 403, DENIED,
	    .message = "The access key needs a subscription for the service."),
	ANY("IncompleteSignature", 400, DENIED,
	    .message = "The request signature does not conform to AWS standards."),
	ANY("InvalidClientTokenId", 403, DENIED,
	    .message = "The security token included in the request is invalid."),
	ANY("UnrecognizedClientException", 403, DENIED,
	    .message = "The security token included in the request is invalid."),
	ANY("MissingAuthenticationToken", 403, DENIED,
	    .message = "Request is missing Authentication Token"),
	ANY("SignatureDoesNotMatch", 403, DENIED, .skew = true,
	    .message = "The request signature we calculated does not match the signature you "
		       "provided. Check your AWS Secret Access Key and signing method. Consult "
		       "the service documentation for details."),
	ANY("InvalidSignatureException", 403, DENIED, .skew = true,
	    .message = "The request signature does not match."),
	ANY("ExpiredToken", 403, DENIED, .unexecuted = true,
	    .message = "The security token included in the request is expired"),
	ANY("ExpiredTokenException", 403, DENIED, .unexecuted = true,
	    .message = "The security token included in the request is expired"),
	ANY("RequestTimeTooSkewed", 403, DENIED, .unexecuted = true, .skew = true,
	    .message = "The difference between the request time and the current time is too "
		       "large."),
	ANY("RequestExpired", 400, DENIED, .unexecuted = true, .skew = true,
	    .message = "Request has expired."),
	ANY("RequestInTheFuture", 400, DENIED, .unexecuted = true, .skew = true,
	    .message = "The request is dated in the future."),

	ANY("Throttling", 400, THROTTLED, SAFE, .message = "Rate exceeded"),
	ANY("ThrottlingException", 400, THROTTLED, SAFE, .message = "Rate exceeded"),
	ANY("ThrottledException", 400, THROTTLED, SAFE, .message = "Rate exceeded"),
	ANY("RequestThrottled", 403, THROTTLED, SAFE, .message = "Request is throttled."),
	ANY("RequestThrottledException", 400, THROTTLED, SAFE, .message = "Request is throttled."),
	ANY("RequestLimitExceeded", 503, THROTTLED, SAFE, .message = "Request limit exceeded."),
	ANY("TooManyRequestsException", 429, THROTTLED, SAFE, .message = "Too many requests."),
	ANY("BandwidthLimitExceeded", 509, THROTTLED, SAFE, .message = "Bandwidth limit exceeded."),
	ANY("LimitExceededException", 400, THROTTLED, SAFE, .message = "Limit exceeded."),
	ANY("ProvisionedThroughputExceededException", 400, THROTTLED, SAFE,
	    .message = "Rate exceeded"),
	ANY("PriorRequestNotComplete", 400, THROTTLED, SAFE,
	    .message = "A prior request has not completed."),
	ANY("SlowDown", 503, THROTTLED, SAFE, .message = "Please reduce your request rate."),

	ANY("InternalFailure", 500, UNREACHABLE, .transient = true,
	    .message = "The request processing has failed because of an unknown error, exception "
		       "or failure."),
	ANY("InternalError", 500, UNREACHABLE, .transient = true,
	    .message = "We encountered an internal error. Please try again."),
	ANY("InternalServerError", 500, UNREACHABLE, .transient = true,
	    .message = "We encountered an internal error. Please try again."),
	ANY("ServiceUnavailable", 503, UNREACHABLE, .transient = true,
	    .message = "Service is unable to handle request."),
	ANY("RequestTimeout", 408, UNREACHABLE, .transient = true,
	    .message = "The request timed out."),
	ANY("RequestTimeoutException", 408, UNREACHABLE, .transient = true,
	    .message = "The request timed out."),

	ANY("InvalidAction", 400, POLICY,
	    .message = "The action or operation requested is invalid."),
	ANY("UnknownOperationException", 404, POLICY, .legacy = "InvalidAction",
	    .message = "The requested operation does not exist."),
	ANY("MissingAction", 400, POLICY,
	    .message = "The request is missing an action or a required parameter."),
	ANY("MalformedQueryString", 404, PROTOCOL,
	    .message = "The query string contains a syntax error."),
	ANY("SerializationException", 400, PROTOCOL,
	    .message = "The request body is not what the operation takes."),
	ANY("InvalidQueryParameter", 400, POLICY,
	    .message = "The AWS query string is malformed or does not adhere to AWS standards."),
	ANY("InvalidParameterCombination", 400, POLICY,
	    .message = "Parameters that must not be used together were used together."),
	ANY("InvalidParameterValue", 400, POLICY,
	    .message = "An invalid or out-of-range value was supplied for the input parameter."),
	ANY("MissingParameter", 400, POLICY,
	    .message = "A required parameter for the specified action is not supplied."),
	ANY("ValidationError", 400, POLICY,
	    .message = "The input fails to satisfy the constraints specified by an AWS service."),
	ANY("ValidationException", 400, POLICY, .legacy = "ValidationError",
	    .message = "The input fails to satisfy the constraints specified by an AWS service."),
};

const struct code *code_find(enum service s, const char *name)
{
	const char *hash = strrchr(name, '#');
	const char *from = hash ? hash + 1 : name;
	size_t len = strcspn(from, ":");

	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		const struct code *c = &codes[i];

		if (!c->every && c->service != s)
			continue;
		if ((strlen(c->name) == len && memcmp(c->name, from, len) == 0) ||
		    (c->legacy && strlen(c->legacy) == len && memcmp(c->legacy, from, len) == 0))
			return c;
	}
	return NULL;
}

const struct code *code_get(enum service s, const char *name)
{
	const struct code *c = code_find(s, name);

	return c ? c : code_find(s, s == SERVICE_S3 ? "InternalError" : "InternalFailure");
}

enum err_kind code_kind_of_status(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
	case 410:
		return ERR_NOT_FOUND;
	case 409:
	case 412:
		return ERR_CONFLICT;
	case 408:
		return ERR_UNREACHABLE;
	case 429:
	case 509:
		return ERR_THROTTLED;
	default:
		if (status >= 500)
			return ERR_UNREACHABLE;
		return status >= 400 ? ERR_POLICY : ERR_PROTOCOL;
	}
}

const char *code_legacy(const struct code *c)
{
	return c->legacy ? c->legacy : c->name;
}
