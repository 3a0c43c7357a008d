"""ElasticMQ, a queue server that we did not write: fetched from Maven Central into a folder outside the tree."""

import pathlib
import shutil
import subprocess
import tempfile

VERSION = "1.6.11"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tests</groupId><artifactId>elasticmq</artifactId><version>1</version><packaging>pom</packaging><dependencies><dependency>
<groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>{VERSION}</version><exclusions>
<exclusion><groupId>org.elasticmq</groupId><artifactId>elasticmq-common-test_2.13</artifactId></exclusion>
</exclusions></dependency></dependencies></project>
"""


def elasticmq_jars(cache):
    """The folder of its jars within cache, and None; or None, and why it cannot be had."""
    jars = pathlib.Path(cache) / f"elasticmq-{VERSION}"
    if not shutil.which("java"):
        return None, "no java command"
    if any(jars.glob("elasticmq-server*.jar")):
        return jars, None
    if not shutil.which("mvn"):
        return None, "no mvn command to fetch it with"
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "pom.xml").write_text(POM)
        argv = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}/jars"]
        try:
            failed = subprocess.run(argv, cwd=folder, capture_output=True, timeout=180).returncode != 0
        except subprocess.TimeoutExpired:
            failed = True
        if failed:
            return None, "its jars cannot be fetched"
        jars.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(f"{folder}/jars", jars, dirs_exist_ok=True)
    return jars, None


def elasticmq_argv(jars, folder, port):
    """The command that serves on port of this machine, with its settings in folder."""
    conf = pathlib.Path(folder) / "elasticmq.conf"
    conf.write_text(f'include classpath("application.conf")\nnode-address {{ host = "127.0.0.1", port = {port} }}\n'
                    f'rest-sqs {{ bind-port = {port}, bind-hostname = "127.0.0.1" }}\nrest-stats {{ enabled = false }}\n')
    return ["java", f"-Dconfig.file={conf}", "-cp", f"{jars}/*", "org.elasticmq.server.Main"]
