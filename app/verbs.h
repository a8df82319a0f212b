/* verbs.h - what `vigil VERB` calls: one line here and one function for each verb.
 *
 * argv[0] is the verb. The result is the exit code of the program: 0, 1 failed check, 2 usage, 69
 * unavailable, 74 input or output, 75 temporary, 78 configuration (core/err.h).
 */
#ifndef VG_APP_VERBS_H
#define VG_APP_VERBS_H

/* function, verb, summary; in the order of `vigil --help`. Verbs without a summary are for the build and
 * not listed. */
#define VG_VERBS(X)                                                                           \
    X(run, "run", "watch: read vital signs, raise alerts, deliver them")                      \
    X(validate, "validate", "check a configuration as run would")                             \
    X(test, "test", "run the tests that configurations carry, in virtual time")               \
    X(status, "status", "show how a running pipeline does")                                   \
    X(top, "top", "show a running pipeline in a terminal, anew each second")                  \
    X(tap, "tap", "show rows of a running pipeline as they pass a stage")                     \
    X(reload, "reload", "have a running pipeline take over its changed configuration")        \
    X(record, "record", "keep what a pipeline reads in one file, to run it again")            \
    X(whatif, "whatif", "show what two configurations make of the same recording")            \
    X(alerts, "alerts", "follow the alerts of a running pipeline, missing none")              \
    X(dlq, "dlq", "look after what could not be read and what sinks refused")                 \
    X(audit, "audit", "look whether the log of who did what is whole")                        \
    X(keygen, "keygen", "make a pair of keys for subscribers on other machines")              \
    X(simulate, "simulate", "write a ward of simulated patients to Kafka or standard output") \
    X(replay, "replay", "write recorded CSV to Kafka, or play a recording again and compare") \
    X(demo, "demo", "play a ward against a pipeline and show its alerts, without a Kafka")    \
    X(mock_broker, "mock-broker", "run a Kafka in memory, for demos and tests")               \
    X(model, "model", "look at a model file, or run one on numbers")                          \
    X(train, "train", "make a model file from a recipe and data")                             \
    X(evaluate, "evaluate", "measure models against what happened: errors, risks, alarms")    \
    X(list, "list", "list the components in this build, and the vital signs")                 \
    X(describe, "describe", "describe a component and its options")                           \
    X(config, "config", "show what a configuration comes to, migrate one, or make one")       \
    X(schema, "schema", "print the JSON Schema of configurations, for editors")               \
    X(graph, "graph", "print the way of the data through a configuration as a picture")       \
    X(doctor, "doctor", "look whether this machine is fit for a pipeline")                    \
    X(completion, "completion", "print what makes a shell complete words behind vigil")       \
    X(man, "man", NULL)                                                                       \
    X(version, "version", "print the versions of Vigil and its libraries")

#define VG_VERB_DECLARE(function, name, summary) int vg_verb_##function(int argc, char **argv);
VG_VERBS(VG_VERB_DECLARE)
#undef VG_VERB_DECLARE

/** The same as a table; ends with a name that is NULL. */
struct vg_verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};
extern const struct vg_verb vg_verbs[];

#endif
