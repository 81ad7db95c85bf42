// A job's life through the AWS SDK for JavaScript v3. Arguments: a prefix for names, a compilation job, a role.
// Prints what it saw as JSON.
"use strict";

const {
  CreateEdgePackagingJobCommand,
  DescribeEdgePackagingJobCommand,
  ListTagsCommand,
  ResourceInUse,
  ResourceNotFound,
  SageMakerClient,
  StopEdgePackagingJobCommand,
  paginateListEdgePackagingJobs,
} = require("@aws-sdk/client-sagemaker");

const [prefix, compilation, role] = process.argv.slice(2);
const client = new SageMakerClient();

const create = (name) =>
  client.send(
    new CreateEdgePackagingJobCommand({
      EdgePackagingJobName: name,
      CompilationJobName: compilation,
      ModelName: prefix,
      ModelVersion: "1.0",
      RoleArn: role,
      OutputConfig: { S3OutputLocation: `s3://packages/${name}` },
      Tags: [{ Key: "client", Value: prefix }],
    }),
  );
const describe = (name) => client.send(new DescribeEdgePackagingJobCommand({ EdgePackagingJobName: name }));
const stop = (name) => client.send(new StopEdgePackagingJobCommand({ EdgePackagingJobName: name }));

async function ended(name) {
  for (;;) {
    const job = await describe(name);
    if (!["STARTING", "INPROGRESS", "STOPPING"].includes(job.EdgePackagingJobStatus)) return job;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function refusal(call, kind) {
  try {
    await call();
  } catch (error) {
    if (error instanceof kind) return error.name;
    throw error;
  }
  throw new Error("not refused");
}

async function main() {
  const names = [1, 2, 3].map((number) => `${prefix}-${number}`);
  for (const name of [...names, `${prefix}-stop`]) await create(name);
  await stop(`${prefix}-stop`);
  const stopping = await describe(`${prefix}-stop`);
  const [job] = await Promise.all(names.map(ended));
  const pages = [];
  const query = {
    NameContains: `${prefix}-`,
    StatusEquals: "COMPLETED",
    CreationTimeAfter: new Date("2021-01-01"),
    SortBy: "NAME",
    SortOrder: "Ascending",
  };
  for await (const page of paginateListEdgePackagingJobs({ client, pageSize: 2 }, query))
    pages.push(page.EdgePackagingJobSummaries.map((summary) => summary.EdgePackagingJobName));
  const tags = await client.send(new ListTagsCommand({ ResourceArn: job.EdgePackagingJobArn }));
  const report = {
    pages,
    described: {
      name: job.EdgePackagingJobName,
      status: job.EdgePackagingJobStatus,
      artifact: job.ModelArtifact,
      created: job.CreationTime.getTime() / 1000,
    },
    tags: tags.Tags,
    stopping: stopping.EdgePackagingJobStatus,
    stopped: (await ended(`${prefix}-stop`)).EdgePackagingJobStatus,
    refusals: [
      await refusal(() => describe(`${prefix}-nobody`), ResourceNotFound),
      await refusal(() => stop(`${prefix}-nobody`), ResourceNotFound),
      await refusal(() => create(names[0]), ResourceInUse),
    ],
  };
  process.stdout.write(JSON.stringify(report));
}

main();
