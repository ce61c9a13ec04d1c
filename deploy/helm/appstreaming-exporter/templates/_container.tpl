{{/* The configuration file: what follows from other values, and then .Values.config. */}}
{{- define "appstreaming-exporter.config" -}}
{{- $config := dict -}}
{{- if include "appstreaming-exporter.elects" . -}}
{{- $_ := set $config "replicas" (dict
  "mode" "kubernetes"
  "lease" (include "appstreaming-exporter.fullname" .)
  "token" (printf "file:/var/run/secrets/appstreaming-exporter/%s" .Values.replicas.secretKey)
  "allow_http" true) -}}
{{- end -}}
{{- if .Values.state.enabled -}}
{{- if and .Values.state.persistent (ne .Values.mode "sharded") -}}
{{- fail "state.persistent needs mode=sharded (shards=1 for a single shard): the pods of a Deployment cannot have separate claims" -}}
{{- end -}}
{{- $_ := set $config "state" (dict "path" "/var/lib/appstreaming-exporter/state") -}}
{{- end -}}
{{- toYaml (mustMergeOverwrite $config (deepCopy .Values.config)) -}}
{{- end -}}

{{/* The exporter's container, without readiness probe. Call it with the context of the chart. */}}
{{- define "appstreaming-exporter.container" -}}
image: {{ include "appstreaming-exporter.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  {{- if .Values.demo }}
  - demo
  {{- end }}
  - --config.file=/etc/appstreaming-exporter/config.yaml
  - --log.level={{ .Values.log.level }}
  - --log.format={{ .Values.log.format }}
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $sharded := eq .Values.mode "sharded" }}
{{- $elects := include "appstreaming-exporter.elects" . }}
{{- if or $elects $sharded .Values.extraEnv }}
env:
  {{- if $elects }}
  # With these the exporter identifies itself in the Lease.
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  - name: POD_IP
    valueFrom:
      fieldRef:
        fieldPath: status.podIP
  {{- end }}
  {{- if $sharded }}
  - name: APPSTREAMING_EXPORTER_SHARDING__INDEX
    value: hostname
  - name: APPSTREAMING_EXPORTER_SHARDING__TOTAL
    value: {{ .Values.shards | quote }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
envFrom:
  - secretRef:
      {{- if .Values.credentials.existingSecret }}
      name: {{ .Values.credentials.existingSecret }}
      {{- else }}
      name: appstreaming-exporter-credentials
      optional: true
      {{- end }}
startupProbe:
  httpGet:
    path: /-/healthy
    port: exporter
  periodSeconds: 1
  failureThreshold: 30
# Liveness means that the exporter serves requests. The state of the cloud never causes a restart.
livenessProbe:
  httpGet:
    path: /-/healthy
    port: exporter
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 3
ports:
  - name: exporter
    containerPort: 9877
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
volumeMounts:
  - name: appstreaming-exporter-config
    mountPath: /etc/appstreaming-exporter
    readOnly: true
  {{- if $elects }}
  - name: appstreaming-exporter-replicas
    mountPath: /var/run/secrets/appstreaming-exporter
    readOnly: true
  {{- end }}
  {{- if .Values.state.enabled }}
  - name: appstreaming-exporter-state
    mountPath: /var/lib/appstreaming-exporter
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "appstreaming-exporter.volumes" -}}
- name: appstreaming-exporter-config
  configMap:
    name: {{ include "appstreaming-exporter.fullname" . }}
{{- if include "appstreaming-exporter.elects" . }}
- name: appstreaming-exporter-replicas
  secret:
    secretName: {{ include "appstreaming-exporter.replicasSecret" . }}
    defaultMode: 0440
    items:
      - key: {{ .Values.replicas.secretKey }}
        path: {{ .Values.replicas.secretKey }}
{{- end }}
{{- if and .Values.state.enabled (not .Values.state.persistent) }}
- name: appstreaming-exporter-state
  emptyDir:
    sizeLimit: {{ .Values.state.size }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
A container for the pods of a chart that depends on this one: an item of spec.containers. It has no
readiness probe: the pod is ready when its main container is ready. Call it with the context of the
subchart:

  {{- include "appstreaming-exporter.sidecar" (index .Subcharts "appstreaming-exporter") | nindent 8 }}
*/}}
{{- define "appstreaming-exporter.sidecar" -}}
- name: appstreaming-exporter
  {{- include "appstreaming-exporter.container" . | nindent 2 }}
{{- end -}}

{{/* The same container as a native sidecar: an item of spec.initContainers. Needs Kubernetes 1.29. */}}
{{- define "appstreaming-exporter.nativeSidecar" -}}
- name: appstreaming-exporter
  restartPolicy: Always
  {{- include "appstreaming-exporter.container" . | nindent 2 }}
{{- end -}}

{{/* The label with which the PodMonitor selects pods with a sidecar. */}}
{{- define "appstreaming-exporter.sidecarLabels" -}}
appstreaming-exporter/scrape: {{ .Release.Name | quote }}
{{- end -}}
