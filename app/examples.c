/* examples.c - what people copy from. Everything a configuration may say is in the option tables; which of
 * it goes together, and what a usual value is, is not. */
#include "app/examples.h"

#include <stddef.h>
#include <string.h>

#include "core/base.h"

struct example {
    const char *kind, *name, *text;
};

/* clang-format off */
#define KAFKA_SOURCE \
      "source:\n" \
      "  type: kafka\n" \
      "  brokers: \"kafka-1.hospital.example:9093,kafka-2.hospital.example:9093\"\n" \
      "  topic: vitals.raw\n" \
      "  group: vigil-icu-a\n" \
      "  start: latest                      # where to begin without a snapshot\n" \
      "  options: {security.protocol: ssl, ssl.ca.location: /etc/vigil/kafka-ca.pem}\n"

static const struct example examples[] = {
    { "section", "service",
      "service:\n"
      "  name: icu-a-gateway                # part of every id: do not change it on a running site\n"
      "  data_dir: /var/lib/vigil\n"
      "  log: {format: journald}\n"
      "  http:\n"
      "    listen: \"127.0.0.1:8480\"\n"
      "    token: \"${file:/run/credentials/vigil/http_token}\"\n" },
    { "section", "source", KAFKA_SOURCE },
    { "source", "kafka", KAFKA_SOURCE },
    { "decoder", "json",
      "source:\n"
      "  decoder: {type: json, unknown: dead_letter}\n" },
    { "section", "models",
      "models:\n"
      "  ward_forecast: {type: lstm, file: /etc/vigil/models/forecast.safetensors}\n"
      "  ward_window: {type: autoencoder, file: /etc/vigil/models/autoencoder.safetensors}\n" },
    { "stage", "clean",
      "stages:\n"
      "  - {type: clean, max_step: {hr: \"60 /min\", spo2: \"15 %\"}, flatline: 2m}\n"
      "  - {type: alert}\n" },
    { "stage", "artefact",
      "stages:\n"
      "  - {type: clean}\n"
      "  - {type: artefact}\n"
      "  - {type: alert}\n" },
    { "stage", "resample",
      "stages:\n"
      "  - {type: clean}\n"
      "  - {type: resample, tick: 30s, lateness: 2s, max_gap: 10s}\n"
      "  - {type: alert}\n" },
    { "stage", "normalize",
      "models:\n"
      "  ward_window: {type: autoencoder, file: /etc/vigil/models/autoencoder.safetensors}\n"
      "stages:\n"
      "  - {type: clean}\n"
      "  - {type: resample, tick: 30s}\n"
      "  - {type: normalize, baseline: 4h} # with the scales of the models\n"
      "  - {type: detect, model: ward_window}\n"
      "  - {type: alert}\n" },
    { "stage", "forecast",
      "models:\n"
      "  ward_forecast: {type: lstm, file: /etc/vigil/models/forecast.safetensors}\n"
      "stages:\n"
      "  - {type: clean}\n"
      "  - {type: resample, tick: 30s}      # the tick of the model\n"
      "  - {type: normalize}\n"
      "  - {type: forecast, model: ward_forecast}\n"
      "  - {type: alert}\n" },
    { "stage", "detect",
      "models:\n"
      "  ward_window: {type: autoencoder, file: /etc/vigil/models/autoencoder.safetensors}\n"
      "stages:\n"
      "  - {type: clean}\n"
      "  - {type: resample, tick: 30s}      # the tick of the model\n"
      "  - {type: normalize}\n"
      "  - {type: detect, model: ward_window, explain: 3}\n"
      "  - {type: alert}\n" },
    { "stage", "alert",
      "alert_rules:\n"
      "  spo2_low: {priority: high, when: {channel: spo2, below: \"90 %\"}, for: 10s}\n"
      "stages:\n"
      "  - {type: clean}\n"
      "  - {type: alert, rules: [spo2_low]}\n" },
    { "section", "profiles",
      "profiles:                            # the first is that of beds that no ward declares\n"
      "  adult: {hr: {low: \"50 /min\", high: \"130 /min\"}, spo2: {low: \"90 %\"}}\n"
      "  adult_copd: {extends: adult, spo2: {low: \"85 %\"}}\n" },
    { "section", "wards",
      "wards:\n"
      "  icu-a:\n"
      "    name: \"Intensive care A\"\n"
      "    beds: {\"01\": {}, \"02\": {profile: adult}}\n" },
    { "section", "scores",
      "scores:\n"
      "  news2: {file: scores/news2.yaml}\n" },
    { "section", "alert_rules",
      "alert_rules:\n"
      "  spo2_low:\n"
      "    title: \"SpO2 below limit\"\n"
      "    priority: high\n"
      "    when: {channel: spo2, below: profile.low}\n"
      "    for: 10s                         # true for so long before it starts\n"
      "    clear: {above: \"profile.low + 2 %\", for: 15s}\n" },
    { "section", "sinks",
      "sinks:\n"
      "  archive: {type: file, path: alerts/%Y-%m-%d.ndjson, required: true}\n"
      "  log: {type: syslog, filter: {priority: medium}, max_age: 10m}\n" },
    { "section", "tests",
      "tests:\n"
      "  - name: a low SpO2 is told after 10 s\n"
      "    input: [{at: 0s, every: 1s, count: 30, values: {spo2: 86}}]\n"
      "    expect: [{at: 10s, tolerance: 1s, rule: spo2_low, event: start}]\n" },
    { "sink", "console",
      "sinks:\n"
      "  terminal: {type: console}\n" },
    { "sink", "file",
      "sinks:\n"
      "  archive: {type: file, path: alerts/%Y-%m-%d.ndjson, rotate: 256MiB, compress: zstd, keep: 400}\n" },
    { "sink", "fhir",
      "sinks:\n"
      "  record:\n"
      "    type: fhir\n"
      "    url: https://ehr.hospital.example/fhir/r4\n"
      "    headers: {Authorization: \"Bearer ${VIGIL_FHIR_TOKEN}\"}\n"
      "    patient_system: urn:oid:1.2.36.146.595.217.0.1\n" },
    { "sink", "hl7",
      "sinks:\n"
      "  alarms:\n"
      "    type: hl7\n"
      "    address: alarms.hospital.example:2575\n"
      "    tls: true\n"
      "    patient_authority: HOSP^1.2.36.146.595.217.0.1^ISO\n" },
    { "sink", "kafka",
      "sinks:\n"
      "  bus:\n"
      "    type: kafka\n"
      "    brokers: kafka-1.hospital.example:9093\n"
      "    topic: vitals.alerts\n"
      "    options: {security.protocol: ssl, ssl.ca.location: /etc/vigil/kafka-ca.pem}\n" },
    { "sink", "mqtt",
      "sinks:\n"
      "  hub:\n"
      "    type: mqtt\n"
      "    address: broker.hospital.example:8883\n"
      "    tls: true\n"
      "    username: vigil\n"
      "    password: \"${file:/etc/vigil/broker.password}\"\n"
      "    topic: hospital/vigil\n" },
    { "sink", "null",
      "sinks:\n"
      "  nobody: {type: null}\n" },
    { "sink", "postgres",
      "sinks:\n"
      "  history:\n"
      "    type: postgres\n"
      "    connection: host=db.hospital.example dbname=alerts user=vigil sslmode=verify-full\n"
      "    password: \"${VIGIL_DB_PASSWORD}\"\n" },
    { "sink", "sqlite",
      "sinks:\n"
      "  history: {type: sqlite, path: alerts.db}\n" },
    { "sink", "syslog",
      "sinks:\n"
      "  log: {type: syslog, target: journald, filter: {priority: high}}\n" },
    { "sink", "webhook",
      "sinks:\n"
      "  pager:\n"
      "    type: webhook\n"
      "    url: https://pager.hospital.example/vigil\n"
      "    secret: \"${VIGIL_PAGER_SECRET}\"\n"
      "    filter: {priority: high}\n"
      "    max_age: 10m\n" },
    { "sink", "zeromq",
      "sinks:\n"
      "  ward_alerts:\n"
      "    type: zeromq\n"
      "    publish: \"tcp://127.0.0.1:5567\"\n"
      "    control: \"tcp://127.0.0.1:5568\"\n" },
};
/* clang-format on */

static const char *find(const char *kind, const char *name)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(examples); i++) {
        if (strcmp(examples[i].kind, kind) == 0 && strcmp(examples[i].name, name) == 0)
            return examples[i].text;
    }
    return NULL;
}

/* Components that are not in the table: models, which differ in their files alone, and new ones. */
static void write_plain(const char *kind, const char *name, const struct vg_option *options,
                        struct vg_buf *out)
{
    if (strcmp(kind, "model") == 0)
        vg_buf_printf(out, "models:\n  my_model: {type: %s, file: /etc/vigil/models/%s.safetensors",
                      name, name);
    else if (strcmp(kind, "stage") == 0)
        vg_buf_printf(out, "stages:\n  - {type: %s", name);
    else if (strcmp(kind, "sink") == 0)
        vg_buf_printf(out, "sinks:\n  my_%s: {type: %s", name, name);
    else
        return;
    for (const struct vg_option *o = options; o && o->type != VG_OPT_END_; o++) {
        if (o->flags & VG_OPT_REQUIRED)
            vg_buf_printf(out, ", %s: ...", o->name);
    }
    vg_buf_str(out, "}\n");
}

void vg_example_write(const char *kind, const char *name, const struct vg_option *options,
                      struct vg_buf *out)
{
    const char *text = find(kind, name);

    if (text)
        vg_buf_str(out, text);
    else
        write_plain(kind, name, options, out);
}
