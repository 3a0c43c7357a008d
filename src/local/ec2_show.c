/* What an instance looks like in EC2's replies. */
#include <string.h>

#include "base/crypto.h"
#include "local/ec2.h"
#include "local/metadata.h"

void local_ec2_show_state(struct local_call *c, const char *name, struct local_ec2_state s)
{
	local_object(c, name);
	local_put_int(c, "code", s.code);
	local_put(c, "name", s.word);
	local_end(c);
}

static int show_tags(struct local_call *c, const char *group, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(c->local->db,
			 "SELECT key, value FROM fleet_tag WHERE grp = ?1 AND propagate"
			 " UNION SELECT 'aws:autoscaling:groupName', ?1 WHERE ?1 <> '' ORDER BY 1",
			 DB_ARGS(DB_S(group)), e);
	int rc = -1;

	local_list(c, "tagSet", NULL);
	while (r && (rc = db_step(r, e)) == 1) {
		local_object(c, NULL);
		local_put(c, "key", db_str(r, 0));
		local_put(c, "value", db_str(r, 1));
		local_end(c);
	}
	local_end(c);
	return rc;
}

static void show_place(struct local_call *c, const struct local_ec2_instance *i)
{
	local_object(c, "placement");
	local_put(c, "availabilityZone", i->i.zone);
	local_put(c, "groupName", "");
	local_put(c, "tenancy", "default");
	local_end(c);
	local_object(c, "monitoring");
	local_put(c, "state", "disabled");
	local_end(c);
}

static void show_role(struct local_call *c, const struct local_ec2_instance *i)
{
	AUTO(own_freep)
	char *arn = own_printf("arn:aws:iam::%s:instance-profile/%s", c->local->options.account,
			       local_metadata_role(i->i.profile));

	if (i->ended)
		return;
	local_object(c, "iamInstanceProfile");
	local_put(c, "arn", arn);
	local_put(c, "id", "AIPAWINDLASSLOCAL0000");
	local_end(c);
}

int local_ec2_show(struct local_call *c, const struct local_ec2_instance *i, struct err *e)
{
	const struct local_ec2_state s = local_ec2_state_of(i);

	local_object(c, NULL);
	local_put(c, "instanceId", i->i.id);
	local_put(c, "imageId", i->i.image);
	local_ec2_show_state(c, "instanceState", s);
	local_put(c, "privateDnsName", i->ended ? "" : "localhost");
	local_put(c, "dnsName", "");
	local_put(c, "reason", "");
	local_put_int(c, "amiLaunchIndex", 0);
	local_list(c, "productCodes", NULL);
	local_end(c);
	local_put(c, "instanceType", i->i.type);
	local_put_time(c, "launchTime", i->i.launched);
	show_place(c, i);
	if (!i->ended)
		local_put(c, "privateIpAddress", "127.0.0.1");
	local_list(c, "groupSet", NULL);
	local_end(c);
	local_put(c, "architecture", sizeof(void *) == 8 ? "x86_64" : "i386");
	local_put(c, "rootDeviceType", "ebs");
	local_list(c, "blockDeviceMapping", NULL);
	local_end(c);
	local_put(c, "virtualizationType", "hvm");
	if (i->i.spot)
		local_put(c, "instanceLifecycle", "spot");
	if (show_tags(c, i->i.grp, e) < 0)
		return -1;
	local_put(c, "hypervisor", "xen");
	show_role(c, i);
	local_put_bool(c, "ebsOptimized", false);
	local_end(c);
	return 0;
}

static void show_check(struct local_call *c, const char *name, bool runs)
{
	local_object(c, name);
	local_put(c, "status", runs ? "ok" : "not-applicable");
	local_list(c, "details", NULL);
	if (runs) {
		local_object(c, NULL);
		local_put(c, "name", "reachability");
		local_put(c, "status", "passed");
		local_end(c);
	}
	local_end(c);
	local_end(c);
}

void local_ec2_show_status(struct local_call *c, const struct local_ec2_instance *i)
{
	const struct local_ec2_state s = local_ec2_state_of(i);
	const bool runs = strcmp(s.word, "running") == 0;

	local_object(c, NULL);
	local_put(c, "instanceId", i->i.id);
	local_put(c, "availabilityZone", i->i.zone);
	local_ec2_show_state(c, "instanceState", s);
	show_check(c, "systemStatus", runs);
	show_check(c, "instanceStatus", runs);
	local_end(c);
}
