BEGIN TRANSACTION;
CREATE TABLE application_versions (
    version_id TEXT NOT NULL PRIMARY KEY,
    version_name TEXT NOT NULL UNIQUE,
    version_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL);
INSERT INTO "application_versions" VALUES('3a8baddf-6943-4902-b5df-79655af3f08e','1',1795379338000,1795379338000,'edgewright');
CREATE TABLE dbos_migrations (version INTEGER NOT NULL PRIMARY KEY);
INSERT INTO "dbos_migrations" VALUES(125);
CREATE TABLE notifications (
    message_uuid TEXT NOT NULL DEFAULT (hex(randomblob(16))) PRIMARY KEY,
    destination_uuid TEXT NOT NULL,
    topic TEXT,
    message TEXT NOT NULL,
    created_at_epoch_ms INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000), "serialization" TEXT DEFAULT NULL, "consumed" BOOLEAN NOT NULL DEFAULT FALSE, consumed_by_function_id INTEGER,
    FOREIGN KEY (destination_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE "operation_outputs" (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    function_name TEXT NOT NULL DEFAULT '',
    output TEXT,
    error TEXT,
    child_workflow_id TEXT,
    started_at_epoch_ms INTEGER,
    completed_at_epoch_ms INTEGER,
    serialization TEXT,
    application_name TEXT DEFAULT NULL,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    PRIMARY KEY (workflow_uuid, function_id)
);
INSERT INTO "operation_outputs" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/completed@1795379336509.0',1,'package','{"status":"COMPLETED","message":"The package is complete: 1 file, 1440 bytes.","model_artifact":"s3://packages/completed-1.tar.gz","model_signature":"{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"89891d597fb1a3e0e72b9d911a65f47f4a9995bf2267fa280869b6a9d6794172\"},\"tlogEntries\":[]},\"dsseEnvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJuYW1lIjoiY29tcGxldGVkIiwiZGlnZXN0Ijp7InNoYTI1NiI6ImVmYmYyNDEzYWU1NmU0MTE2Y2ZhN2ZmMmE0YmQ3ODc1NmZlMTE3MDc5OGNmYTEzMDc2NGQxNDIwMzIzY2RlYzUifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9tb2RlbF9zaWduaW5nL3NpZ25hdHVyZS92MS4wIiwicHJlZGljYXRlIjp7InNlcmlhbGl6YXRpb24iOnsibWV0aG9kIjoiZmlsZXMiLCJoYXNoX3R5cGUiOiJzaGEyNTYiLCJhbGxvd19zeW1saW5rcyI6ZmFsc2UsImlnbm9yZV9wYXRocyI6WyJzYWdlbWFrZXJfZWRnZV9zaWduYXR1cmUiXX0sInJlc291cmNlcyI6W3sibmFtZSI6Im1vZGVsLnNvIiwiYWxnb3JpdGhtIjoic2hhMjU2IiwiZGlnZXN0IjoiNDRmODM1NDQ5NGE1YmEwM2JhMTc5MmE4ZDNlOWM1MzRjNDdhOTE4MTk4MGZkZTdhM2Y0NGIwNmVmMmFlN2M3ZiJ9LHsibmFtZSI6InNhZ2VtYWtlcl9lZGdlX21hbmlmZXN0IiwiYWxnb3JpdGhtIjoic2hhMjU2IiwiZGlnZXN0IjoiMDBjM2MyOTVmMThlNTZiNDFjZDg3MzRhMWM5MTE1OTRlYmE3NmMxOGFkNzk1ZWM3MDkyNmFjYTBlMzhmMmUzYSJ9XX19\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{\"sig\":\"MEQCIDdMFBE9p0M5MDesJQsZIPH7JAfbqtBTkF6/iAVFS/ALAiBrTC64+KKB1CnYzGD3efUXpCLGX+zKa0xHwj9JGewBLA==\",\"keyid\":\"\"}]}}","sha256":"908f7e6221c1355b4832b4c0a3ef6ac90f25b5985e0631c45e5fb650018309fb"}',NULL,NULL,1795379338591,1795379338678,'portable_json','edgewright',1795379338000);
INSERT INTO "operation_outputs" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/packaged@1795379336509.0',1,'package','{"status":"COMPLETED","message":"The package is complete: 1 file, 1426 bytes.","model_artifact":"s3://packages/packaged-1.tar.gz","model_signature":"{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"89891d597fb1a3e0e72b9d911a65f47f4a9995bf2267fa280869b6a9d6794172\"},\"tlogEntries\":[]},\"dsseEnvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJuYW1lIjoicGFja2FnZWQiLCJkaWdlc3QiOnsic2hhMjU2IjoiN2M0NzE2ZDFhZDcwMmMyMTVhZjI2NWNlOTU2ODNhYWI3OTQ5YzE1NTA4ZDZkZTc1M2FjMGFlMjU5ZDMxZjdiYiJ9fV0sInByZWRpY2F0ZVR5cGUiOiJodHRwczovL21vZGVsX3NpZ25pbmcvc2lnbmF0dXJlL3YxLjAiLCJwcmVkaWNhdGUiOnsic2VyaWFsaXphdGlvbiI6eyJtZXRob2QiOiJmaWxlcyIsImhhc2hfdHlwZSI6InNoYTI1NiIsImFsbG93X3N5bWxpbmtzIjpmYWxzZSwiaWdub3JlX3BhdGhzIjpbInNhZ2VtYWtlcl9lZGdlX3NpZ25hdHVyZSJdfSwicmVzb3VyY2VzIjpbeyJuYW1lIjoibW9kZWwuc28iLCJhbGdvcml0aG0iOiJzaGEyNTYiLCJkaWdlc3QiOiI0NGY4MzU0NDk0YTViYTAzYmExNzkyYThkM2U5YzUzNGM0N2E5MTgxOTgwZmRlN2EzZjQ0YjA2ZWYyYWU3YzdmIn0seyJuYW1lIjoic2FnZW1ha2VyX2VkZ2VfbWFuaWZlc3QiLCJhbGdvcml0aG0iOiJzaGEyNTYiLCJkaWdlc3QiOiI5MTcwNjZkNmQ5M2MyNGE5NGFiYTljNDc1NzVmNWRhYmNhZTk0YjEwOTFkNDA1ODFjYTFmMmRhYTBiZWZlMDY5In1dfX0=\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{\"sig\":\"MEUCIDvLXfK0BFqSXYA4CNyhnSG3evxD49wzW4/tLaJxOWk4AiEAnhPQtPauoioUOBt5D7TzNFaH8wBUyA4SsXaQOOYUo14=\",\"keyid\":\"\"}]}}","sha256":"b997977bcee99e9a7bd0b2130a65c12e384f44a06496b974c91096558cd9829d"}',NULL,NULL,1795379338614,1795379338688,'portable_json','edgewright',1795379338000);
CREATE TABLE queues (
    queue_id TEXT PRIMARY KEY DEFAULT (hex(randomblob(16))),
    name TEXT NOT NULL UNIQUE,
    concurrency INTEGER,
    worker_concurrency INTEGER,
    rate_limit_max INTEGER,
    rate_limit_period_sec REAL,
    priority_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    partition_queue BOOLEAN NOT NULL DEFAULT FALSE,
    polling_interval_sec REAL NOT NULL DEFAULT 1.0,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL, "partition_concurrency" INTEGER DEFAULT NULL, "partition_worker_concurrency" INTEGER DEFAULT NULL, "partition_rate_limit_max" INTEGER DEFAULT NULL, "partition_rate_limit_period_sec" REAL DEFAULT NULL);
INSERT INTO "queues" VALUES('6EC0EE9AD6DFF52C12F86F88B9C06B53','jobs',NULL,4,NULL,NULL,1,0,2.0,1795379338000,1795379338501,'edgewright',NULL,NULL,NULL,NULL);
CREATE TABLE streams (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    "offset" INTEGER NOT NULL, function_id INTEGER NOT NULL DEFAULT 0, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key, "offset"),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_events (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_events_history (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, function_id, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_input (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    inputs TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
INSERT INTO "workflow_input" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/completed@1795379336509.0','{"namedArgs":{},"positionalArgs":["arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/completed",1795379336509]}',1795379336000);
INSERT INTO "workflow_input" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/running@1795379336509.0','{"namedArgs":{},"positionalArgs":["arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/running",1795379336509]}',1795379336000);
INSERT INTO "workflow_input" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/stopping@1795379336509.0','{"namedArgs":{},"positionalArgs":["arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/stopping",1795379336509]}',1795379336000);
INSERT INTO "workflow_input" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/packaged@1795379336509.0','{"namedArgs":{},"positionalArgs":["arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/packaged",1795379336509]}',1795379336000);
INSERT INTO "workflow_input" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/starting@1795379336509.0','{"namedArgs":{},"positionalArgs":["arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/starting",1795379336509]}',1795379338000);
CREATE TABLE workflow_output (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    output TEXT,
    error TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
INSERT INTO "workflow_output" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/completed@1795379336509.0','null',NULL,1795379338000);
CREATE TABLE workflow_schedules (
    schedule_id TEXT PRIMARY KEY,
    schedule_name TEXT NOT NULL UNIQUE,
    workflow_name TEXT NOT NULL,
    workflow_class_name TEXT,
    schedule TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'ACTIVE',
    context TEXT NOT NULL
, "last_fired_at" TEXT DEFAULT NULL, "automatic_backfill" BOOLEAN NOT NULL DEFAULT FALSE, "cron_timezone" TEXT DEFAULT NULL, "queue_name" TEXT DEFAULT NULL, "application_name" TEXT DEFAULT NULL);
CREATE TABLE workflow_status (
    workflow_uuid TEXT PRIMARY KEY,
    status TEXT,
    name TEXT,
    authenticated_user TEXT,
    assumed_role TEXT,
    authenticated_roles TEXT,
    request TEXT,
    output TEXT,
    error TEXT,
    executor_id TEXT,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    application_version TEXT,
    application_id TEXT,
    class_name TEXT DEFAULT NULL,
    config_name TEXT DEFAULT NULL,
    recovery_attempts INTEGER DEFAULT 0,
    queue_name TEXT,
    workflow_timeout_ms INTEGER,
    workflow_deadline_epoch_ms INTEGER,
    inputs TEXT,
    started_at_epoch_ms INTEGER,
    deduplication_id TEXT,
    priority INTEGER NOT NULL DEFAULT 0
, queue_partition_key TEXT, forked_from TEXT, "owner_xid" TEXT DEFAULT NULL, "parent_workflow_id" TEXT DEFAULT NULL, "serialization" TEXT DEFAULT NULL, "delay_until_epoch_ms" BIGINT DEFAULT NULL, "was_forked_from" BOOLEAN NOT NULL DEFAULT FALSE, "rate_limited" BOOLEAN NOT NULL DEFAULT FALSE, "completed_at" BIGINT, "attributes" TEXT, "schedule_name" TEXT, "debounce_deadline_epoch_ms" BIGINT DEFAULT NULL, "is_debounced" BOOLEAN NOT NULL DEFAULT FALSE, "application_name" TEXT DEFAULT NULL, "creator_xid" TEXT DEFAULT NULL);
INSERT INTO "workflow_status" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/completed@1795379336509.0','SUCCESS','job',NULL,NULL,NULL,NULL,NULL,NULL,'host-4487-a565e521',1795379336000,1795379338000,'1',NULL,NULL,NULL,1,'jobs',NULL,NULL,NULL,1795379338000,NULL,0,NULL,NULL,NULL,NULL,'portable_json',NULL,0,0,1795379338000,'null',NULL,NULL,0,'edgewright','f21ee188-7835-4170-b297-fdeeed004744');
INSERT INTO "workflow_status" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/running@1795379336509.0','PENDING','job',NULL,NULL,NULL,NULL,NULL,NULL,'host-4487-a565e521',1795379336000,1795379338000,'1',NULL,NULL,NULL,1,'jobs',NULL,NULL,NULL,1795379338000,NULL,0,NULL,NULL,'7d6b8c09-b3c1-418e-9c0f-63bb188f9c06',NULL,'portable_json',NULL,0,0,NULL,'null',NULL,NULL,0,'edgewright','ddb7a221-5a40-4099-92f1-b9b5eadf94f9');
INSERT INTO "workflow_status" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/stopping@1795379336509.0','PENDING','job',NULL,NULL,NULL,NULL,NULL,NULL,'host-4487-a565e521',1795379336000,1795379338000,'1',NULL,NULL,NULL,1,'jobs',NULL,NULL,NULL,1795379338000,NULL,0,NULL,NULL,'7d6b8c09-b3c1-418e-9c0f-63bb188f9c06',NULL,'portable_json',NULL,0,0,NULL,'null',NULL,NULL,0,'edgewright','36139ec3-ede1-48eb-a855-5ceacab8e6f0');
INSERT INTO "workflow_status" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/packaged@1795379336509.0','PENDING','job',NULL,NULL,NULL,NULL,NULL,NULL,'host-4487-a565e521',1795379336000,1795379338000,'1',NULL,NULL,NULL,1,'jobs',NULL,NULL,NULL,1795379338000,NULL,0,NULL,NULL,'7d6b8c09-b3c1-418e-9c0f-63bb188f9c06',NULL,'portable_json',NULL,0,0,NULL,'null',NULL,NULL,0,'edgewright','f46d7b3c-0b3d-49ec-bbe5-e942e8ea0a9f');
INSERT INTO "workflow_status" VALUES('arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/starting@1795379336509.0','ENQUEUED','job',NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795379338000,1795379338000,NULL,NULL,NULL,NULL,0,'jobs',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'portable_json',NULL,0,0,NULL,'null',NULL,NULL,0,'edgewright','c13586db-dc23-4ad2-9399-f2a1edb8b24c');
CREATE INDEX workflow_status_created_at_index ON workflow_status (created_at);
CREATE INDEX idx_workflow_topic ON notifications (destination_uuid, topic);
CREATE INDEX "idx_workflow_status_delayed" ON "workflow_status" ("delay_until_epoch_ms") WHERE status = 'DELAYED';
CREATE INDEX "idx_workflow_status_forked_from" ON "workflow_status" ("forked_from") WHERE "forked_from" IS NOT NULL;
CREATE INDEX "idx_workflow_status_parent_workflow_id" ON "workflow_status" ("parent_workflow_id") WHERE "parent_workflow_id" IS NOT NULL;
CREATE UNIQUE INDEX "uq_workflow_status_dedup_id" ON "workflow_status" ("queue_name", "deduplication_id") WHERE "deduplication_id" IS NOT NULL;
CREATE INDEX "idx_workflow_status_pending" ON "workflow_status" ("created_at") WHERE "status" = 'PENDING';
CREATE INDEX "idx_workflow_status_failed" ON "workflow_status" ("status", "created_at") WHERE "status" IN ('ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED');
CREATE INDEX "idx_workflow_status_rate_limited" ON "workflow_status" ("queue_name", "started_at_epoch_ms") WHERE "rate_limited" = TRUE;
CREATE INDEX "idx_workflow_status_completed_at" ON "workflow_status" ("completed_at") WHERE "completed_at" IS NOT NULL;
CREATE INDEX "idx_workflow_status_started_at" ON "workflow_status" ("started_at_epoch_ms") WHERE "started_at_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_workflow_status_schedule_name" ON "workflow_status" ("schedule_name") WHERE "schedule_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_owner_version"
    ON application_versions ("application_name", "version_name")
    WHERE "application_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_unclaimed_version"
    ON application_versions ("version_name")
    WHERE "application_name" IS NULL;
CREATE INDEX idx_workflow_input_retention
    ON workflow_input (retention_timestamp);
CREATE INDEX idx_workflow_output_retention
    ON workflow_output (retention_timestamp);
CREATE INDEX idx_operation_outputs_retention
    ON operation_outputs (retention_timestamp);
CREATE INDEX "idx_workflow_status_in_flight_v2" ON "workflow_status" ("queue_name", "status", "priority", "created_at", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING');
CREATE INDEX "idx_workflow_status_partition_dequeue_v3" ON "workflow_status" ("queue_name", "status", "queue_partition_key", "priority", "created_at", "workflow_uuid", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING') AND "queue_partition_key" IS NOT NULL;
CREATE INDEX "idx_operation_outputs_completed_at_function_name_v2" ON "operation_outputs" ("completed_at_epoch_ms", "function_name", "application_name");
CREATE INDEX "idx_workflow_status_deadline" ON "workflow_status" ("workflow_deadline_epoch_ms") WHERE "status" IN ('ENQUEUED', 'PENDING', 'DELAYED') AND "workflow_deadline_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_application_versions_timestamp" ON "application_versions" ("version_timestamp" DESC);
CREATE INDEX "idx_application_versions_owner_timestamp" ON "application_versions" ("application_name", "version_timestamp" DESC);
COMMIT;
