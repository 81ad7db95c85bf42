#!/usr/bin/env bash
# A job's life through the AWS CLI. Arguments: a prefix for names, a compilation job, a role. Prints what it saw as JSON.
set -euo pipefail
prefix=$1 compilation=$2 role=$3

create() {
  aws sagemaker create-edge-packaging-job --edge-packaging-job-name "$1" --compilation-job-name "$compilation" \
    --model-name "$prefix" --model-version 1.0 --role-arn "$role" \
    --output-config "S3OutputLocation=s3://packages/$1" --tags "Key=client,Value=$prefix"
}

status() {
  aws sagemaker describe-edge-packaging-job --edge-packaging-job-name "$1" \
    --query EdgePackagingJobStatus --output text
}

ended() {
  local now
  while now=$(status "$1"); [[ $now =~ ^(STARTING|INPROGRESS|STOPPING)$ ]]; do sleep 0.2; done
  echo "$now"
}

page() {
  aws sagemaker list-edge-packaging-jobs --name-contains "$prefix-" --status-equals COMPLETED \
    --creation-time-after 2021-01-01 --sort-by NAME --sort-order Ascending --max-items 2 --output json \
    --query '{names: EdgePackagingJobSummaries[].EdgePackagingJobName, token: NextToken}' "$@"
}

# The code in the sentence that the CLI prints for an error.
refusal() {
  local said
  if said=$("$@" 2>&1); then echo "not refused: $*" >&2; exit 1; fi
  sed -nE 's/^.*An error occurred \(([A-Za-z]+)\).*$/"\1"/p' <<<"$said"
}

member() { python -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
compact() { python -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[sys.argv[1]]))' "$1"; }

for name in "$prefix-1" "$prefix-2" "$prefix-3" "$prefix-stop"; do create "$name"; done
aws sagemaker stop-edge-packaging-job --edge-packaging-job-name "$prefix-stop"
stopping=$(status "$prefix-stop")
for name in "$prefix-2" "$prefix-3" "$prefix-1"; do ended "$name" >&2; done
job=$(aws sagemaker describe-edge-packaging-job --edge-packaging-job-name "$prefix-1" --output json)
first=$(page)
second=$(page --starting-token "$(member token <<<"$first")")
tags=$(aws sagemaker list-tags --resource-arn "$(member EdgePackagingJobArn <<<"$job")" --output json)
describe_refused=$(refusal status "$prefix-nobody")
stop_refused=$(refusal aws sagemaker stop-edge-packaging-job --edge-packaging-job-name "$prefix-nobody")
create_refused=$(refusal create "$prefix-1")
cat <<JSON
{
  "pages": [$(compact names <<<"$first"), $(compact names <<<"$second")],
  "described": {
    "name": $(compact EdgePackagingJobName <<<"$job"),
    "status": $(compact EdgePackagingJobStatus <<<"$job"),
    "artifact": $(compact ModelArtifact <<<"$job"),
    "created": $(compact CreationTime <<<"$job")
  },
  "tags": $(compact Tags <<<"$tags"),
  "stopping": "$stopping",
  "stopped": "$(ended "$prefix-stop")",
  "refusals": [$describe_refused, $stop_refused, $create_refused]
}
JSON
