{{- define "appstreaming-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "appstreaming-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "appstreaming-exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Not empty if the active replica is elected. */}}
{{- define "appstreaming-exporter.elects" -}}
{{- if and .Values.replicas.enabled (ne .Values.mode "sidecar") (not .Values.demo) -}}
true
{{- end -}}
{{- end -}}

{{/* Number of pods of the Deployment, or of each shard. */}}
{{- define "appstreaming-exporter.replicaCount" -}}
{{- if include "appstreaming-exporter.elects" . -}}
{{- .Values.replicaCount -}}
{{- else if and (gt (int .Values.replicaCount) 1) (not .Values.demo) -}}
{{- fail "replicaCount must be 1 if replicas.enabled is false: every replica would poll the whole fleet" -}}
{{- else -}}
1
{{- end -}}
{{- end -}}

{{/*
Names of the Leases, as a YAML list: the exporter appends the number of its shard. New shards of a
fleet that was not divided read the Lease without a number.
*/}}
{{- define "appstreaming-exporter.leases" -}}
{{- $name := include "appstreaming-exporter.fullname" . -}}
{{- if and (eq .Values.mode "sharded") (gt (int .Values.shards) 1) -}}
{{- range $shard := until (int .Values.shards) }}
- {{ $name }}-{{ $shard }}
{{- end }}
{{- end }}
- {{ $name }}
{{- end -}}

{{- define "appstreaming-exporter.replicasSecret" -}}
{{- default (printf "%s-replicas" (include "appstreaming-exporter.fullname" .)) .Values.replicas.existingSecret -}}
{{- end -}}

{{- define "appstreaming-exporter.selector" -}}
app.kubernetes.io/name: appstreaming-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: exporter
{{- end -}}

{{- define "appstreaming-exporter.labels" -}}
{{ include "appstreaming-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "appstreaming-exporter.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}
