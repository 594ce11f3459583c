"""Component documents of EC2 Image Builder, held to their published form: the user guide, "Use the AWSTOE
component document framework" and "Action modules". The service refuses others when they are uploaded."""

STEP = {"name", "action", "timeoutSeconds", "onFailure", "maxAttempts", "inputs", "if", "loop"}
TOP = {"name", "description", "schemaVersion", "parameters", "constants", "phases"}
PHASES = {"build", "validate", "test", "container-host-test"}


def problems(document):
    found = []

    def want(condition, what):
        if not condition:
            found.append(what)

    want(set(document) <= TOP, "keys of the document: %s" % sorted(set(document) - TOP))
    want(document.get("schemaVersion") == 1.0, "schemaVersion")
    for key in ("name", "description"):
        want(isinstance(document.get(key), str) and document[key], key)
    for parameter in document.get("parameters", []):
        want(len(parameter) == 1, "a parameter is one key")
        for name, about in parameter.items():
            want(set(about) <= {"type", "default", "description", "allowedPatterns"} and
                 about.get("type") == "string", "parameter " + name)
    names = [phase.get("name") for phase in document.get("phases", [])]
    want(names and len(set(names)) == len(names) and set(names) <= PHASES, "phases %s" % names)
    for phase in document.get("phases", []):
        want(set(phase) == {"name", "steps"}, "keys of phase %s" % phase.get("name"))
        steps = [step.get("name") for step in phase.get("steps", [])]
        want(steps and len(set(steps)) == len(steps), "step names of %s: %s" % (phase.get("name"), steps))
        for step in phase.get("steps", []):
            found += ["%s: %s" % (step.get("name"), what) for what in step_problems(step)]
    return found


def step_problems(step):
    found = []
    if not set(step) <= STEP:
        found.append("keys %s" % sorted(set(step) - STEP))
    if step.get("onFailure", "Abort") not in ("Abort", "Continue", "Ignore"):
        found.append("onFailure")
    for key in ("timeoutSeconds", "maxAttempts"):
        if type(step.get(key, 1)) is not int:  # pylint: disable=unidiomatic-typecheck
            found.append(key)
    inputs = step.get("inputs")
    if step.get("action") == "ExecuteBash":
        commands = inputs.get("commands") if isinstance(inputs, dict) else None
        if not commands or set(inputs) != {"commands"} or not all(isinstance(c, str) for c in commands):
            found.append("ExecuteBash takes a list of commands")
    elif step.get("action") == "S3Download":
        keys = {"source", "destination", "expectedBucketOwner", "overwrite"}
        if not isinstance(inputs, list) or not all(
                {"source", "destination"} <= set(i) <= keys for i in inputs):
            found.append("S3Download takes sources and destinations")
    else:
        found.append("action %s" % step.get("action"))
    return found
