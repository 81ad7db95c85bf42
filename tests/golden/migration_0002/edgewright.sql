BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE compilation_jobs (
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	modified_at BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	handed BOOLEAN NOT NULL, 
	handover INTEGER DEFAULT '0' NOT NULL, 
	bytes_done BIGINT NOT NULL, 
	bytes_total BIGINT, 
	written_uri TEXT, 
	role_arn TEXT NOT NULL, 
	failure_reason TEXT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	model_artifact TEXT, 
	artifact_digest TEXT, 
	model_package_version_arn TEXT, 
	derived_data_input_config TEXT, 
	input_config TEXT NOT NULL, 
	output_config TEXT NOT NULL, 
	stopping_condition TEXT NOT NULL, 
	vpc_config TEXT, 
	PRIMARY KEY (account, region, name)
);
INSERT INTO "compilation_jobs" VALUES('123456789012','eu-west-1','compiled','COMPLETED',1795379336509,1795379336,0,1,0,0,NULL,NULL,'arn:aws:iam::123456789012:role/edge','',NULL,NULL,'s3://in/model.tar.gz',NULL,NULL,NULL,'{"S3Uri":"s3://in/model.onnx","Framework":"ONNX"}','{"S3OutputLocation":"s3://in","TargetDevice":"rasp4b"}','{"MaxRuntimeInSeconds":900}',NULL);
CREATE TABLE components (
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	version_order TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	job_arn TEXT, 
	state TEXT NOT NULL, 
	message TEXT NOT NULL, 
	description TEXT NOT NULL, 
	publisher TEXT NOT NULL, 
	platforms TEXT NOT NULL, 
	artifacts TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	recipe BLOB NOT NULL, 
	PRIMARY KEY (account, region, name, version)
);
CREATE TABLE packaging_jobs (
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	modified_at BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	handed BOOLEAN NOT NULL, 
	handover INTEGER DEFAULT '0' NOT NULL, 
	bytes_done BIGINT NOT NULL, 
	bytes_total BIGINT, 
	written_uri TEXT, 
	role_arn TEXT NOT NULL, 
	compilation_job_name TEXT NOT NULL, 
	model_name TEXT NOT NULL, 
	model_version TEXT NOT NULL, 
	resource_key TEXT, 
	status_message TEXT NOT NULL, 
	source_uri TEXT NOT NULL, 
	target TEXT, 
	model_artifact TEXT, 
	output_config TEXT NOT NULL, 
	preset_output TEXT, 
	model_signature TEXT, 
	PRIMARY KEY (account, region, name)
);
INSERT INTO "packaging_jobs" VALUES('123456789012','eu-west-1','completed','COMPLETED',1795379336509,1795379338,1,1,0,102,102,'s3://packages/completed-1.tar.gz','arn:aws:iam::123456789012:role/edge','compiled','completed','1',NULL,'The package is complete: 1 file, 1440 bytes.','s3://in/model.tar.gz','rasp4b','s3://packages/completed-1.tar.gz','{"S3OutputLocation":"s3://packages"}',NULL,'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"89891d597fb1a3e0e72b9d911a65f47f4a9995bf2267fa280869b6a9d6794172"},"tlogEntries":[]},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJuYW1lIjoiY29tcGxldGVkIiwiZGlnZXN0Ijp7InNoYTI1NiI6ImVmYmYyNDEzYWU1NmU0MTE2Y2ZhN2ZmMmE0YmQ3ODc1NmZlMTE3MDc5OGNmYTEzMDc2NGQxNDIwMzIzY2RlYzUifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9tb2RlbF9zaWduaW5nL3NpZ25hdHVyZS92MS4wIiwicHJlZGljYXRlIjp7InNlcmlhbGl6YXRpb24iOnsibWV0aG9kIjoiZmlsZXMiLCJoYXNoX3R5cGUiOiJzaGEyNTYiLCJhbGxvd19zeW1saW5rcyI6ZmFsc2UsImlnbm9yZV9wYXRocyI6WyJzYWdlbWFrZXJfZWRnZV9zaWduYXR1cmUiXX0sInJlc291cmNlcyI6W3sibmFtZSI6Im1vZGVsLnNvIiwiYWxnb3JpdGhtIjoic2hhMjU2IiwiZGlnZXN0IjoiNDRmODM1NDQ5NGE1YmEwM2JhMTc5MmE4ZDNlOWM1MzRjNDdhOTE4MTk4MGZkZTdhM2Y0NGIwNmVmMmFlN2M3ZiJ9LHsibmFtZSI6InNhZ2VtYWtlcl9lZGdlX21hbmlmZXN0IiwiYWxnb3JpdGhtIjoic2hhMjU2IiwiZGlnZXN0IjoiMDBjM2MyOTVmMThlNTZiNDFjZDg3MzRhMWM5MTE1OTRlYmE3NmMxOGFkNzk1ZWM3MDkyNmFjYTBlMzhmMmUzYSJ9XX19","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEQCIDdMFBE9p0M5MDesJQsZIPH7JAfbqtBTkF6/iAVFS/ALAiBrTC64+KKB1CnYzGD3efUXpCLGX+zKa0xHwj9JGewBLA==","keyid":""}]}}');
INSERT INTO "packaging_jobs" VALUES('123456789012','eu-west-1','running','INPROGRESS',1795379336509,1795379338,1,1,0,0,NULL,NULL,'arn:aws:iam::123456789012:role/edge','compiled','running','1',NULL,'The model is being packaged.','s3://in/model.tar.gz','rasp4b',NULL,'{"S3OutputLocation":"s3://packages"}',NULL,NULL);
INSERT INTO "packaging_jobs" VALUES('123456789012','eu-west-1','stopping','STOPPING',1795379336509,1795379338,1,1,0,0,NULL,NULL,'arn:aws:iam::123456789012:role/edge','compiled','stopping','1',NULL,'The model is being packaged.','s3://in/model.tar.gz','rasp4b',NULL,'{"S3OutputLocation":"s3://packages"}',NULL,NULL);
INSERT INTO "packaging_jobs" VALUES('123456789012','eu-west-1','packaged','INPROGRESS',1795379336509,1795379338,1,1,0,102,102,'s3://packages/packaged-1.tar.gz','arn:aws:iam::123456789012:role/edge','compiled','packaged','1',NULL,'The model is being packaged.','s3://in/gone.tar.gz','rasp4b',NULL,'{"S3OutputLocation":"s3://packages"}',NULL,NULL);
INSERT INTO "packaging_jobs" VALUES('123456789012','eu-west-1','starting','STARTING',1795379336509,1795379336,0,1,0,0,NULL,NULL,'arn:aws:iam::123456789012:role/edge','compiled','starting','1',NULL,'','s3://in/model.tar.gz','rasp4b',NULL,'{"S3OutputLocation":"s3://packages"}',NULL,NULL);
INSERT INTO "packaging_jobs" VALUES('123456789012','eu-west-1','unhanded','STARTING',1795379336509,1795379336,0,0,0,0,NULL,NULL,'arn:aws:iam::123456789012:role/edge','compiled','unhanded','1',NULL,'','s3://in/model.tar.gz','rasp4b',NULL,'{"S3OutputLocation":"s3://packages"}',NULL,NULL);
CREATE TABLE secrets (
	name TEXT NOT NULL, 
	value BLOB NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE tags (
	kind TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	name TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (kind, account, region, name, "key")
);
INSERT INTO "tags" VALUES('edge-packaging-job','123456789012','eu-west-1','completed','team','edge');
INSERT INTO "tags" VALUES('edge-packaging-job','123456789012','eu-west-1','running','team','edge');
INSERT INTO "tags" VALUES('edge-packaging-job','123456789012','eu-west-1','stopping','team','edge');
INSERT INTO "tags" VALUES('edge-packaging-job','123456789012','eu-west-1','packaged','team','edge');
INSERT INTO "tags" VALUES('edge-packaging-job','123456789012','eu-west-1','starting','team','edge');
INSERT INTO "tags" VALUES('edge-packaging-job','123456789012','eu-west-1','unhanded','team','edge');
CREATE TABLE workers (
	id TEXT NOT NULL, 
	host TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	beat_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "workers" VALUES('host-4487-a565e521','host',1795379338437,1795379338507);
CREATE INDEX packaging_jobs_by_created_at ON packaging_jobs (account, region, created_at, name);
CREATE INDEX packaging_jobs_by_modified_at ON packaging_jobs (account, region, modified_at, name);
CREATE INDEX packaging_jobs_by_status_created_at ON packaging_jobs (account, region, status, created_at, name);
CREATE INDEX packaging_jobs_by_status ON packaging_jobs (account, region, status, name);
CREATE INDEX packaging_jobs_unhanded ON packaging_jobs (created_at) WHERE handed = 0;
CREATE INDEX packaging_jobs_unfinished ON packaging_jobs (created_at) WHERE status IN ('INPROGRESS', 'STARTING', 'STOPPING');
CREATE INDEX compilation_jobs_by_created_at ON compilation_jobs (account, region, created_at, name);
CREATE INDEX compilation_jobs_by_modified_at ON compilation_jobs (account, region, modified_at, name);
CREATE INDEX compilation_jobs_by_status_created_at ON compilation_jobs (account, region, status, created_at, name);
CREATE INDEX compilation_jobs_by_status ON compilation_jobs (account, region, status, name);
CREATE INDEX compilation_jobs_unhanded ON compilation_jobs (created_at) WHERE handed = 0;
CREATE INDEX compilation_jobs_unfinished ON compilation_jobs (created_at) WHERE status IN ('INPROGRESS', 'STARTING', 'STOPPING');
CREATE INDEX packaging_jobs_by_model_name ON packaging_jobs (account, region, model_name, name);
CREATE UNIQUE INDEX components_by_version_order ON components (account, region, name, version_order);
COMMIT;
