-- The database of release 0.5.0 after the migration of release 0.6.0, with a machine, as text.
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'first release','2026-11-21 15:49:59',1,X'a6a789a85128bd1e4b3de44564c141678321716a0679a2868368e532f03e661f6af6459ede021b4b9cbc79334e5f56ac',1625388);
INSERT INTO _sqlx_migrations VALUES(2,'fleet','2026-11-21 15:49:59',1,X'fb4e13ee3509f6e937e92d584c62c98e1cfd9bd8fabde239891d52b200b7f43db33d1283510b61259ba395099b1757b5',2667992);
INSERT INTO _sqlx_migrations VALUES(3,'ways','2026-11-21 15:49:59',1,X'7dce197b564f16e2aec42942c12e19d33867db16dbfb1cc67e8fdfe877ca4ea9a5c0d8f5518d69dccf5322f81acb7c0d',756395);
INSERT INTO _sqlx_migrations VALUES(4,'recordings','2026-11-22 00:50:00',1,X'17195afacb00b33117865ecfbfcf103b28ed83034b24b8526350e9b0a376d9d3479de094d419b7f729080ede9eee7bf9',0);
INSERT INTO _sqlx_migrations VALUES(5,'loans','2026-11-22 00:50:00',1,X'31f6440c18fdfe73110b9f636bdbd26babf409389b0a69fd258889ed5cff7760d3b84c316685eaac50a63a753b86bfa1',0);
INSERT INTO _sqlx_migrations VALUES(6,'repositories','2026-11-22 05:08:46',1,X'9e50c3963f10fa15aeaa46f41377e03707b0f5dc4e41c5c294963775bd5ca71a1f9cef3c0b22724de2aadf9581262491',1406073);
INSERT INTO _sqlx_migrations VALUES(7,'machines','2026-11-22 06:36:00',1,X'06388915464fbd801f61b9e6e17f798c1efd0af9c61942a09eff8b99e4e8a58d98de66d7966f7891a56c87ee9093cf76',0);
CREATE TABLE administration (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
INSERT INTO administration VALUES('Zone','hall-2','{"kind":"Zone","name":"hall-2","management":{"on":false,"at":"2026-03-01T12:00:00.000Z","reason":"moved"},"maintenance":{"on":false}}');
CREATE TABLE alerts (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    cause TEXT NOT NULL,
    cleared_at BIGINT,
    body TEXT NOT NULL
);
INSERT INTO alerts VALUES(1,'rack7-12','auth_failed',NULL,'{"id":1,"host":"rack7-12","cause":"auth_failed","severity":"warning","message":"auth_failed at rack7-12","openedAt":"2026-03-01T12:00:00.000Z","toldAt":"2026-03-01T12:00:00.000Z","repeats":0}');
CREATE TABLE certificate_pins (
    host TEXT NOT NULL,
    device TEXT NOT NULL,
    digest TEXT NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (host, device)
);
INSERT INTO certificate_pins VALUES('rack7-12','redfish 192.0.2.7','5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e',1772366400000);
CREATE TABLE deliveries (
    notifier TEXT NOT NULL PRIMARY KEY,
    told_event BIGINT NOT NULL,
    failing_since BIGINT,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    owner TEXT,
    expires_at BIGINT
);
INSERT INTO deliveries VALUES('pager',7,1772366400000,3,'connection refused',NULL,NULL);
CREATE TABLE device_loans (
    host TEXT NOT NULL,
    device TEXT NOT NULL,
    state_before TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    PRIMARY KEY (host, device)
);
CREATE TABLE device_sessions (
    host TEXT NOT NULL,
    device TEXT NOT NULL,
    username TEXT NOT NULL,
    sealed TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (host, device, username)
);
INSERT INTO device_sessions VALUES('rack7-12','redfish 192.0.2.7','admin','v1:mw26C/NS9O1/yd0UOaRakkGvggy72aAQwgJ0GG25Dkj6Z3psvfPAx+6VxFqhY3xFi1DJ',1772366400000);
CREATE TABLE events (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    host TEXT,
    incident BIGINT,
    run BIGINT,
    message TEXT NOT NULL
, job BIGINT, alert BIGINT);
INSERT INTO events VALUES(1,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Credential dc-standard created',NULL,NULL);
INSERT INTO events VALUES(2,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Flow power-supply-f1 created',NULL,NULL);
INSERT INTO events VALUES(3,1772366400000,'resource.applied','info','rack7-12',NULL,NULL,'Host rack7-12 created',NULL,NULL);
INSERT INTO events VALUES(4,1772366400000,'incident.opened','warning','rack7-12',1,NULL,'the screen shows `Press F1`, which flow power-supply-f1 recognises',NULL,NULL);
INSERT INTO events VALUES(5,1772366400000,'run.started','info','rack7-12',1,1,'flow power-supply-f1 begins, attempt 1: the screen shows `Press F1`',NULL,NULL);
INSERT INTO events VALUES(6,1772366400000,'run.step-started','info','rack7-12',1,1,'step 1 of 2: press `<F1>`',NULL,NULL);
INSERT INTO events VALUES(7,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Zone hall-2 created',NULL,NULL);
INSERT INTO events VALUES(8,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Cluster rack7 created',NULL,NULL);
INSERT INTO events VALUES(9,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Notifier pager created',NULL,NULL);
INSERT INTO events VALUES(10,1772366400000,'management.changed','info',NULL,NULL,NULL,'management of Zone hall-2 disabled: moved',NULL,NULL);
INSERT INTO events VALUES(11,1772366400000,'screen.changed','info','rack7-12',NULL,NULL,'the screen changed',NULL,NULL);
INSERT INTO events VALUES(12,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Repository site created',NULL,NULL);
INSERT INTO events VALUES(13,1772366400000,'screen.changed','info','rack7-12',NULL,NULL,'the screen changed',NULL,NULL);
CREATE TABLE host_leases (
    host TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO host_leases VALUES('rack7-12','first',1,1772366415000);
CREATE TABLE host_secrets (
    host TEXT NOT NULL,
    username TEXT NOT NULL,
    sealed TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    previous TEXT,
    previous_until BIGINT,
    PRIMARY KEY (host, username)
);
INSERT INTO host_secrets VALUES('rack7-12','admin','v1:mw26C/umNmmWu8961ECAq3ZJQa5UMc8xi4I334yB6dKG02NVEO/IRgOI4rf/a8zbYNCap1Q=',1772366400000,'v1:mw26C91MJpBHa9ajPgS7FxsujU5GnUXTd2yh2+fCyT2o/Uq09jX6+Noe0SNrpP8R++S6xis=',1772366415000);
CREATE TABLE host_states (
    host TEXT NOT NULL PRIMARY KEY,
    status TEXT,
    facts TEXT,
    recovery TEXT
, alerts TEXT);
INSERT INTO host_states VALUES('rack7-12','{"power":{"value":"on","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"ipmi 192.0.2.7"},"reach":null,"screenReach":null,"icon":"on","screen":null,"health":"well","picture":"now"}','{"power":{"value":"on","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"ipmi 192.0.2.7"},"reach":{"value":"ok","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"ipmi 192.0.2.7"},"screenReach":{"value":"ok","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"vnc 192.0.2.7"},"managed":null,"maintenance":null,"fenced":null,"fenceBroken":null,"powerWanted":null,"screen":null,"seen":"on","asked":null,"cycling":null,"standing":null}','{"streaks":{"power-supply-f1":{"readings":1,"version":null,"evidence":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"}}},"lastSeq":1,"ledgers":{"power-supply-f1":{"attempts":1,"endedAt":"2026-03-01T12:00:00.000Z","failed":false}},"incident":{"record":{"id":1,"host":"rack7-12","cause":"the screen shows `Press F1`","flow":"power-supply-f1","state":"recovering","reason":"flow power-supply-f1 runs","openedAt":"2026-03-01T12:00:00.000Z","attempts":1,"firstPicture":"then","lastPicture":"then"},"flow":{"metadata":{"name":"power-supply-f1"},"spec":{"when":{"screen":"Press\\s+F1","stable":1},"priority":7,"do":[{"keys":"<F1>"},{"sleep":"2s"}],"verify":{"screen":"login:","timeout":"5m"},"limits":{"attempts":2,"cooldown":"1m"}}},"proof":{"readings":0,"evidence":null},"doubtSince":"2026-03-01T12:00:00.000Z","run":{"record":{"id":1,"host":"rack7-12","incident":1,"flow":"power-supply-f1","attempt":1,"state":"running","reason":"step 1 of 2: press `<F1>`","startedAt":"2026-03-01T12:00:00.000Z","matched":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"},"steps":[{"step":{"keys":"<F1>"},"startedAt":"2026-03-01T12:00:00.000Z"}]},"flow":{"metadata":{"name":"power-supply-f1"},"spec":{"when":{"screen":"Press\\s+F1","stable":1},"priority":7,"do":[{"keys":"<F1>"},{"sleep":"2s"}],"verify":{"screen":"login:","timeout":"5m"},"limits":{"attempts":2,"cooldown":"1m"}}},"next":0,"repeated":false,"pausedSince":null,"verifyingSince":null},"evidence":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"}}}','{"last":{},"lostSince":null}');
CREATE TABLE incidents (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    closed BIGINT NOT NULL,
    body TEXT NOT NULL
);
INSERT INTO incidents VALUES(1,'rack7-12',0,'{"id":1,"host":"rack7-12","cause":"the screen shows `Press F1`","flow":"power-supply-f1","state":"recovering","reason":"flow power-supply-f1 runs","openedAt":"2026-03-01T12:00:00.000Z","attempts":1,"firstPicture":"then","lastPicture":"then"}');
CREATE TABLE jobs (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    ended_at BIGINT,
    body TEXT NOT NULL
);
INSERT INTO jobs VALUES(1,'rack7-12',NULL,'{"id":1,"host":"rack7-12","work":{"power":"cycle"},"state":"running","requestedBy":"the API","acceptedAt":"2026-03-01T12:00:00.000Z"}');
CREATE TABLE picture_contents (
    digest TEXT NOT NULL PRIMARY KEY,
    png BLOB NOT NULL
);
INSERT INTO picture_contents VALUES('then',X'c289504e4700206f66207468656e');
INSERT INTO picture_contents VALUES('now',X'c289504e4700206f66206e6f77');
CREATE TABLE picture_holders (
    holder_kind TEXT NOT NULL,
    holder TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (holder_kind, holder, digest)
);
INSERT INTO picture_holders VALUES('host','rack7-12','now');
INSERT INTO picture_holders VALUES('incident','1','then');
INSERT INTO picture_holders VALUES('run','1','then');
CREATE TABLE pictures (
    digest TEXT NOT NULL PRIMARY KEY,
    released_at BIGINT NOT NULL
);
INSERT INTO pictures VALUES('then',1772366400000);
INSERT INTO pictures VALUES('now',1772366400000);
CREATE TABLE recordings (
    host TEXT NOT NULL,
    id BIGINT NOT NULL,
    ended_at BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (host, id)
);
INSERT INTO recordings VALUES('rack7-12',1772366400000,1772366415000,'{"id":1772366400000,"host":"rack7-12","by":"ann","kind":"screen","begunAt":"2026-03-01T12:00:00.000Z","endedAt":"2026-03-01T12:00:15.000Z","bytes":7,"incident":1}');
CREATE TABLE resource_references (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_name TEXT NOT NULL,
    PRIMARY KEY (kind, name, target_kind, target_name)
);
INSERT INTO resource_references VALUES('Host','rack7-12','Credential','dc-standard');
INSERT INTO resource_references VALUES('Cluster','rack7','Zone','hall-2');
CREATE TABLE resources (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    spec TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
INSERT INTO resources VALUES('Credential','dc-standard','{}','{"username":"admin","password":{"sealed":"v1:mw26C19JLnjzPLe3xZDvl24hoARxTFb/Xb6BYcKZWenwopMZTtkCIM17G2ZjxhO5gPWqi8SQoMVs"}}',1,1772366400000);
INSERT INTO resources VALUES('Flow','power-supply-f1','{}','{"when":{"screen":"Press\\s+F1","stable":2},"priority":7,"do":[{"keys":"<F1>"},{"sleep":"2s"}],"verify":{"screen":"login:","timeout":"5m"},"limits":{"attempts":2,"cooldown":"1m"}}',2,1772366400000);
INSERT INTO resources VALUES('Host','rack7-12','{"rack":"7"}','{"credentials":["dc-standard"],"connectors":[{"type":"ipmi","address":"192.0.2.7"},{"type":"vnc","address":"192.0.2.7"}]}',3,1772366400000);
INSERT INTO resources VALUES('Zone','hall-2','{}','{}',4,1772366400000);
INSERT INTO resources VALUES('Cluster','rack7','{}','{"zone":"hall-2"}',5,1772366400000);
INSERT INTO resources VALUES('Notifier','pager','{}','{"webhook":{"url":"https://pager.example/hook","secret":{"sealed":"v1:mw26C+piw3sEjEqpytrWkVTf+4s3Oz3jupsth7Sl/01I/mwijpbnrVoDUk+F1RuHq9EsRE1Okf0k"}},"events":["alert.*"],"severity":"info"}',6,1772366400000);
INSERT INTO resources VALUES('Repository','site','{}','{"url":"https://git.example/site","branch":"main","interval":"3m","prune":true,"onDrift":"show","allowSettings":false}',7,1772366400000);
CREATE TABLE rotations (
    host TEXT NOT NULL PRIMARY KEY,
    job BIGINT NOT NULL,
    username TEXT NOT NULL,
    phase TEXT NOT NULL,
    old_credential TEXT,
    old_sealed TEXT NOT NULL,
    new_sealed TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
INSERT INTO rotations VALUES('rack7-12',1,'operator','sent','dc-standard','v1:mw26C4WsdGDCYsXGf4prMl/HaE3vtlvDS54z0dbEHwIPkOLHxZD+crxIxcyhm8m/PvFuZgc=','v1:mw26CwbI7MfqW7g362v6mnEcDS8ezGNwWJ3dBce9RMs067LD1aZ7FAevG5fo2Ne5F+vC4W4=',1,1772366400000);
CREATE TABLE runs (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    incident BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    body TEXT NOT NULL
);
INSERT INTO runs VALUES(1,'rack7-12',1,0,'{"id":1,"host":"rack7-12","incident":1,"flow":"power-supply-f1","attempt":1,"state":"running","reason":"step 1 of 2: press `<F1>`","startedAt":"2026-03-01T12:00:00.000Z","matched":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"},"steps":[{"step":{"keys":"<F1>"},"startedAt":"2026-03-01T12:00:00.000Z"}]}');
CREATE TABLE sequences (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    resource BIGINT NOT NULL,
    incident BIGINT NOT NULL,
    run BIGINT NOT NULL,
    event BIGINT NOT NULL
, job BIGINT NOT NULL DEFAULT 0, alert BIGINT NOT NULL DEFAULT 0, lease BIGINT NOT NULL DEFAULT 0, sealed_under TEXT);
INSERT INTO sequences VALUES(1,7,1,1,13,1,1,1,'9b0dba0b');
CREATE TABLE repository_states (
    repository TEXT NOT NULL PRIMARY KEY,
    status TEXT,
    wanted BIGINT NOT NULL DEFAULT 0,
    owner TEXT,
    expires_at BIGINT
);
INSERT INTO repository_states VALUES('site',NULL,1,NULL,NULL);
CREATE TABLE followed (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    repository TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX resource_references_by_target ON resource_references (target_kind, target_name);
CREATE INDEX incidents_by_host ON incidents (host, id);
CREATE INDEX incidents_by_closed ON incidents (closed, id);
CREATE INDEX runs_by_host ON runs (host, id);
CREATE INDEX runs_by_incident ON runs (incident, id);
CREATE INDEX runs_by_ended ON runs (ended, id);
CREATE INDEX events_by_host ON events (host, id);
CREATE INDEX picture_holders_by_digest ON picture_holders (digest);
CREATE INDEX host_leases_by_owner ON host_leases (owner);
CREATE INDEX jobs_by_host ON jobs (host, id);
CREATE INDEX jobs_by_end ON jobs (ended_at, id);
CREATE UNIQUE INDEX alerts_open ON alerts (host, cause) WHERE cleared_at IS NULL;
CREATE INDEX alerts_by_host ON alerts (host, id);
CREATE INDEX alerts_by_clearing ON alerts (cleared_at, id);
CREATE INDEX recordings_by_id ON recordings (id);
CREATE INDEX followed_by_repository ON followed (repository);
CREATE TABLE machines (
    mac TEXT NOT NULL PRIMARY KEY,
    last_seen BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX machines_by_last_seen ON machines (last_seen);
INSERT INTO machines VALUES('02:00:00:00:00:01',10,'{"mac":"02:00:00:00:00:01","serial":"A1","firstSeen":"1970-01-01T00:00:00.010Z","lastSeen":"1970-01-01T00:00:00.010Z","boots":1}');
COMMIT;
