//  playbook_rules - the table; to add a rule, add a row.
//  SPDX-License-Identifier: Apache-2.0
#include "agent-container/playbook_rules.h"

#define LOGS "kubectl logs %n %s--previous --all-containers --tail=100"
#define DESCRIBE "kubectl describe %k %n %s"
#define EVENTS                                                                                     \
    "kubectl get events %s--field-selector involvedObject.name=%n --sort-by=.lastTimestamp"

#define ROW(type, confidence_, n1, n2, cause_, why_, ...)                                          \
    {                                                                                              \
        .fault_type = (type), .needles = {(n1), (n2)}, .confidence = (confidence_),                \
        .cause = (cause_), .why = (why_), .commands = {                                            \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

//  Exit codes appear as "exit code: N" (CrashLoop) and "exit code N" (PodCrash); "@exit N" matches
//  both.
const rules_rule_t rules_table [] = {
    //  --- memory
    ROW (NULL, "HIGH", "OOMKilled", NULL,
         "The container was killed because it used more memory than its limit allows.",
         "OOMKilled is written by the kubelet when the kernel's out-of-memory killer ended the "
         "container.",
         DESCRIBE, "kubectl top pod %n %s--containers", LOGS),
    ROW (NULL, "MEDIUM", "@exit 137", NULL,
         "The container was killed by SIGKILL, most often for memory or after a failed liveness "
         "probe.",
         "137 is 128 + 9 (SIGKILL); the event does not say who sent it.", DESCRIBE, EVENTS, LOGS),
    //  --- other exit codes
    ROW (NULL, "MEDIUM", "panic:", NULL, "The program panicked: a defect in the program itself.",
         "A Go runtime panic ends the process with exit code 2; the stack is in the log.", LOGS),
    ROW (NULL, "MEDIUM", "@exit 139", NULL,
         "The program crashed with a segmentation fault (invalid memory access).",
         "139 is 128 + 11 (SIGSEGV): a defect in native code or an incompatible library.", LOGS,
         DESCRIBE),
    ROW (NULL, "MEDIUM", "@exit 134", NULL, "The program aborted itself (failed assertion).",
         "134 is 128 + 6 (SIGABRT): an assertion, a C++ exception nobody caught, or a runtime "
         "abort.",
         LOGS, DESCRIBE),
    ROW (NULL, "MEDIUM", "@exit 143", NULL,
         "The container was asked to stop (SIGTERM) and did so without a clean exit code.",
         "143 is 128 + 15 (SIGTERM): a stop by the kubelet, for example an eviction or a failed "
         "probe.",
         EVENTS, DESCRIBE),
    ROW (NULL, "HIGH", "@exit 127", NULL, "The container's command was not found in the image.",
         "127 is what a shell or runtime returns when a command does not exist.",
         "kubectl get %k %n %s-o yaml", LOGS),
    ROW (NULL, "HIGH", "@exit 126", NULL,
         "The container's command exists but cannot be executed (permission or format).",
         "126 is returned for a file without execute permission or of another architecture.",
         "kubectl get %k %n %s-o yaml", LOGS),
    ROW (NULL, "MEDIUM", "@exit 2", NULL, "The program refused its arguments or its configuration.",
         "2 is the usual code for wrong usage; the program's log says which argument.", LOGS,
         "kubectl get %k %n %s-o yaml"),
    ROW ("CrashLoop", "MEDIUM", "@exit 0", NULL,
         "The program ends successfully where a long-running one is expected.",
         "Exit code 0 in a crash loop: the command returns at once and restartPolicy starts it "
         "again.",
         "kubectl get %k %n %s-o yaml", LOGS),
    //  --- what programs say in termination messages
    ROW (NULL, "HIGH", "connection refused", NULL, "A service it depends on refuses connections.",
         "The peer's address answered that nobody listens on that port.", LOGS,
         "kubectl get endpoints,services %s"),
    ROW (NULL, "HIGH", "no such host", NULL, "A host name it needs cannot be resolved.",
         "The resolver answered that the name does not exist.", LOGS, "kubectl get services %s",
         "kubectl get pods -n kube-system -l k8s-app=kube-dns"),
    ROW (NULL, "HIGH", "no such file or directory", NULL, "A file it needs is missing.",
         "The operating system reported a missing path; often a volume, ConfigMap or Secret key.",
         "kubectl get %k %n %s-o yaml", "kubectl get configmaps,secrets %s", LOGS),
    ROW (NULL, "HIGH", "permission denied", NULL, "It may not access something it needs.",
         "The operating system refused an access; check securityContext and volume ownership.",
         "kubectl get %k %n %s-o yaml", LOGS),
    ROW (NULL, "HIGH", "no space left on device", NULL, "A disk or volume is full.",
         "The operating system reported ENOSPC.", DESCRIBE,
         "kubectl get persistentvolumeclaims %s"),
    ROW (NULL, "HIGH", "liveness probe failed", NULL,
         "The liveness probe fails, so the kubelet restarts the container.",
         "The probe's own message is part of the event.", DESCRIBE, LOGS),
    ROW (NULL, "MEDIUM", "@exit 1", NULL, "The program ended with a general error of its own.",
         "1 says only that the program failed; its log says why.", LOGS, DESCRIBE),
    //  --- images
    ROW (NULL, "HIGH", "manifest unknown", NULL, "The image tag does not exist in the registry.",
         "The registry answered that it has no such manifest.", "kubectl get %k %n %s-o yaml"),
    ROW (NULL, "HIGH", "unauthorized", "image", "The registry refuses the pull credentials.",
         "The registry answered unauthorized; check imagePullSecrets.",
         "kubectl get %k %n %s-o yaml", "kubectl get secrets %s"),
    ROW (NULL, "MEDIUM", "ImagePullBackOff", NULL, "The image cannot be pulled.",
         "The kubelet backs off after failed pulls; the first failure names the reason.", EVENTS,
         DESCRIBE),
    ROW (NULL, "MEDIUM", "ErrImagePull", NULL, "The image cannot be pulled.",
         "The pull failed; the event before it names the reason.", EVENTS, DESCRIBE),
    ROW (NULL, "MEDIUM", "Failed to pull image", NULL, "The image cannot be pulled.",
         "The event speaks of a failed pull.", EVENTS, DESCRIBE),
    ROW (NULL, "MEDIUM", "Back-off pulling image", NULL, "The image cannot be pulled.",
         "The kubelet backs off after failed pulls; the first failure names the reason.", EVENTS,
         DESCRIBE),
    //  --- scheduling and volumes
    ROW (NULL, "HIGH", "Insufficient memory", NULL,
         "No node has enough free memory for the pod's request.",
         "The scheduler counts the nodes that it ruled out and why.", DESCRIBE,
         "kubectl describe nodes", "kubectl top nodes"),
    ROW (NULL, "HIGH", "Insufficient cpu", NULL,
         "No node has enough free CPU for the pod's request.",
         "The scheduler counts the nodes that it ruled out and why.", DESCRIBE,
         "kubectl describe nodes", "kubectl top nodes"),
    ROW (NULL, "HIGH", "untolerated taint", NULL,
         "The pod does not tolerate the taints of the nodes it would fit on.",
         "The scheduler names the taint.", "kubectl describe nodes", "kubectl get %k %n %s-o yaml"),
    ROW (NULL, "MEDIUM", "FailedScheduling", NULL, "The scheduler finds no node for the pod.",
         "The message lists the reasons by node.", DESCRIBE, "kubectl get nodes -o wide"),
    ROW (NULL, "MEDIUM", "FailedMount", NULL, "A volume of the pod cannot be mounted.",
         "The kubelet names the volume.", DESCRIBE, "kubectl get persistentvolumeclaims %s"),
    ROW (NULL, "MEDIUM", "Evicted", NULL, "The pod was evicted from its node.",
         "The kubelet evicts pods when the node runs short of a resource.", DESCRIBE,
         "kubectl describe nodes"),
    //  --- nodes
    ROW ("NodeUnhealthy", "MEDIUM", "NodeStatusUnknown", NULL,
         "The node no longer reports: it is down, cut off, or its kubelet stopped.",
         "The control plane sets Unknown when the kubelet's heartbeats stay away.", DESCRIBE,
         "kubectl get pods -A -o wide --field-selector spec.nodeName=%n"),
    ROW ("NodeUnhealthy", "HIGH", "container runtime", NULL,
         "The container runtime on the node is down.",
         "The kubelet itself reports the runtime as its reason for not being ready.", DESCRIBE),
    ROW ("NodeUnhealthy", "HIGH", "PLEG is not healthy", NULL,
         "The kubelet cannot list the node's containers in time (PLEG).",
         "An overloaded runtime or disk makes the pod lifecycle event generator late.", DESCRIBE),
    ROW ("NodeUnhealthy", "HIGH", "cni", NULL, "The node's network plugin is not ready.",
         "The kubelet reports the network plugin as its reason for not being ready.", DESCRIBE,
         "kubectl get pods -n kube-system -o wide --field-selector spec.nodeName=%n"),
    ROW ("NodeUnhealthy", "LOW", "Ready=", NULL, "The node is not ready.",
         "The condition alone does not say why.", DESCRIBE,
         "kubectl get events -A --field-selector involvedObject.name=%n"),
    //  --- deployments and jobs
    ROW ("DeploymentFailure", "LOW", "ProgressDeadlineExceeded", NULL,
         "The new pods did not become available in time; the cause is in those pods.",
         "The deadline says that the rollout stands still, not why.",
         "kubectl rollout status deployment %n %s--timeout=5s", DESCRIBE,
         "kubectl get replicasets,pods %s", "kubectl rollout history deployment %n %s"),
    ROW ("JobFailure", "LOW", "BackoffLimitExceeded", NULL,
         "The job's pods failed more often than its backoffLimit allows; the cause is in those "
         "pods.",
         "The limit says how often, not why.", "kubectl logs job/%n %s--tail=100",
         "kubectl get pods %s-l job-name=%n", DESCRIBE),
    ROW ("JobFailure", "MEDIUM", "DeadlineExceeded", NULL,
         "The job ran longer than its activeDeadlineSeconds and was stopped.",
         "The controller ends the job's pods at the deadline.", "kubectl logs job/%n %s--tail=100",
         DESCRIBE),
    //  --- the type alone
    ROW ("CrashLoop", "LOW", NULL, NULL,
         "A container ends again and again; the event does not say why.",
         "CrashLoopBackOff is the kubelet's waiting time between restarts.", LOGS, DESCRIBE),
    ROW ("PodCrash", "LOW", NULL, NULL,
         "A container ended with an error; the event does not say why.",
         "The exit code is not one with a fixed meaning.", LOGS, DESCRIBE),
    ROW ("JobFailure", "LOW", NULL, NULL, "The job failed; the event does not say why.",
         "The job's Failed condition is true.", "kubectl logs job/%n %s--tail=100", DESCRIBE),
    ROW ("DeploymentFailure", "LOW", NULL, NULL, "The rollout failed; the event does not say why.",
         "The deployment's Progressing condition is false.", DESCRIBE,
         "kubectl get replicasets,pods %s"),
    ROW ("NodeUnhealthy", "LOW", NULL, NULL, "The node is unhealthy; the event does not say why.",
         "The node's Ready condition changed.", DESCRIBE),
    {0}};
