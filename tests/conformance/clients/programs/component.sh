#!/usr/bin/env bash
# A component's life through the AWS CLI and jq, as scripts for Edge Manager had it. Arguments: a compilation job, a role.
set -euo pipefail
compilation=$1 role=$2

describe() { aws sagemaker describe-edge-packaging-job --edge-packaging-job-name sample-job --output json; }

aws sagemaker create-edge-packaging-job --edge-packaging-job-name sample-job --compilation-job-name "$compilation" \
  --model-name sample-model-name --model-version 1.1 --role-arn "$role" \
  --output-config '{"S3OutputLocation": "s3://packages", "PresetDeploymentType": "GreengrassV2Component", "PresetDeploymentConfig":"{\"ComponentName\":\"sample-component-name\", \"ComponentVersion\":\"1.0.2\"}"}'
while [[ $(describe | jq -r .EdgePackagingJobStatus) =~ ^(STARTING|INPROGRESS)$ ]]; do sleep 0.2; done

arn=$(describe | jq -r .PresetDeploymentOutput.Artifact)
[[ $(describe | jq -r .PresetDeploymentOutput.Status) == COMPLETED ]]
aws greengrassv2 get-component --arn "$arn" --output json | jq -r .recipe | base64 --decode | jq -r .ComponentVersion
aws greengrassv2 delete-component --arn "$arn"
if said=$(aws greengrassv2 describe-component --arn "$arn" 2>&1); then echo "still there: $arn" >&2; exit 1; fi
echo "$arn"
sed -nE 's/^.*An error occurred \(([A-Za-z]+)\).*$/\1/p' <<<"$said"
