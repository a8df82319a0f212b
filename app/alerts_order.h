/* alerts_order.h - `vigil alerts ack|snooze|...`: what people tell a running pipeline. */
#ifndef VG_APP_ALERTS_ORDER_H
#define VG_APP_ALERTS_ORDER_H

/* argv[0] is the word after `alerts`; the exit code is returned. */
int vg_alerts_acknowledge(int argc, char **argv);
int vg_alerts_snooze(int argc, char **argv);
int vg_alerts_reset(int argc, char **argv);
int vg_alerts_mute(int argc, char **argv);
int vg_alerts_limit(int argc, char **argv);
int vg_alerts_admit(int argc, char **argv);
int vg_alerts_discharge(int argc, char **argv);
int vg_alerts_standby(int argc, char **argv);
int vg_alerts_probe_off(int argc, char **argv);
int vg_alerts_note(int argc, char **argv);

#endif
