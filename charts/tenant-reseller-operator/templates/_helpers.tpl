{{/* The chart's name, or what stands in its place. */}}
{{- define "operator.chartName" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* The name of everything in this release. */}}
{{- define "operator.name" -}}
{{- $chart := include "operator.chartName" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $chart .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* The name of cluster-wide things, and of those in watched namespaces: two releases in two
namespaces do not share them. */}}
{{- define "operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "operator.name" .) -}}
{{- end }}

{{- define "operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "operator.name" .) -}}
{{- else -}}
{{- required "serviceAccount.name must be set when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* A text as the value of a label: at most 63 of the characters that a label may hold, with a letter
or digit at both ends. Versions hold "+", and may be long. */}}
{{- define "operator.labelValue" -}}
{{- regexReplaceAll "[^A-Za-z0-9_.-]" . "_" | trunc 63 | trimAll "-_." -}}
{{- end }}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ include "operator.chartName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels of an object. Those that the selectors and Helm need cannot be replaced. */}}
{{- define "operator.labels" -}}
{{- $own := include "operator.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" (include "operator.labelValue" .Chart.AppVersion) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (include "operator.labelValue" (printf "%s-%s" .Chart.Name .Chart.Version)) -}}
{{- toYaml (merge $own (.Values.commonLabels | default dict)) -}}
{{- end }}

{{/* The metadata that all objects share, below their name. */}}
{{- define "operator.metadata" -}}
labels:
  {{- include "operator.labels" . | nindent 2 }}
{{- with .Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A map without the members that are null or an empty text: either takes a field out. Helm itself
drops null from the values of a parent chart, so that what this chart ships would come through. */}}
{{- define "operator.withoutEmpty" -}}
{{- $kept := dict -}}
{{- range $key, $value := . -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) -}}
{{- $_ := set $kept $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end }}

{{- define "operator.image" -}}
{{- $tag := .Values.image.tag | default (.Chart.AppVersion | replace "+" "_" | trunc 128) -}}
{{- printf "%s%s%s" .Values.image.repository (ternary "@" ":" (hasPrefix "sha256:" $tag)) $tag -}}
{{- end }}

{{/* Whose rights the roles are. */}}
{{- define "operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* What the operator may do where it looks for upgrades: in a ClusterRole, or in a Role of each
watched namespace. */}}
{{- define "operator.rules" -}}
# Upgrades, in any namespace that is watched: list and watch keep the cache, get reads one live
# before anything irreversible.
- apiGroups: [tenantreseller.io]
  resources: [tenantresellerupgrades]
  verbs: [get, list, watch]
# What upgrades refer to, and what refers to them: read from the caches alone.
- apiGroups: [tenantreseller.io]
  resources: [bssconnections, customerpricings]
  verbs: [list, watch]
# The finalizer, which stands while work is under way. Nothing else of an upgrade's own part is
# ever written.
- apiGroups: [tenantreseller.io]
  resources: [tenantresellerupgrades]
  verbs: [patch]
# What the operator found, by server-side apply.
- apiGroups: [tenantreseller.io]
  resources:
    - tenantresellerupgrades/status
    - bssconnections/status
    - customerpricings/status
  verbs: [patch]
# Reports lie beside the upgrade that owns them: list finds the pages there are, create and patch
# write a page by server-side apply, delete removes one that has become empty.
- apiGroups: [tenantreseller.io]
  resources: [upgradereports]
  verbs: [list, create, patch, delete]
# Credentials and certificate authorities that a connection names. Only ever by name: without
# list and watch nobody can look around with this account.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
# Events about upgrades; patch adds to a series.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Where the runbook of an alert is: its section, and the address of the page where one is given. */}}
{{- define "operator.runbook" -}}
{{- $section := printf "docs/runbooks.md#%s" (lower .alert) -}}
runbook: {{ $section }}
{{- with .url }}
runbook_url: {{ printf "%s#%s" . (lower $.alert) }}
{{- end }}
{{- end }}
