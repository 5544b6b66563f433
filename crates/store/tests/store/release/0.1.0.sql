-- The database of release 0.1.0 after `fill` of release.rs, as `sqlite3 ironhand.db .dump` writes it. Never changed
-- once the release is out: it stands for the databases that people have.
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'first release','2026-11-21 05:19:10',1,X'A6A789A85128BD1E4B3DE44564C141678321716A0679A2868368E532F03E661F6AF6459EDE021B4B9CBC79334E5F56AC',1766149);
CREATE TABLE events (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    host TEXT,
    incident BIGINT,
    run BIGINT,
    message TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Credential dc-standard created');
INSERT INTO "events" VALUES(2,1772366400000,'resource.applied','info',NULL,NULL,NULL,'Flow power-supply-f1 created');
INSERT INTO "events" VALUES(3,1772366400000,'resource.applied','info','rack7-12',NULL,NULL,'Host rack7-12 created');
INSERT INTO "events" VALUES(4,1772366400000,'incident.opened','warning','rack7-12',1,NULL,'the screen shows `Press F1`, which flow power-supply-f1 recognises');
INSERT INTO "events" VALUES(5,1772366400000,'run.started','info','rack7-12',1,1,'flow power-supply-f1 begins, attempt 1: the screen shows `Press F1`');
INSERT INTO "events" VALUES(6,1772366400000,'run.step-started','info','rack7-12',1,1,'step 1 of 2: press `<F1>`');
INSERT INTO "events" VALUES(7,1772366400000,'screen.changed','info','rack7-12',NULL,NULL,'the screen changed');
CREATE TABLE host_states (
    host TEXT NOT NULL PRIMARY KEY,
    status TEXT,
    facts TEXT,
    recovery TEXT
);
INSERT INTO "host_states" VALUES('rack7-12','{"power":{"value":"on","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"ipmi 192.0.2.7"},"reach":null,"screenReach":null,"management":"enabled","icon":"on","screen":null,"health":"well","picture":"now"}','{"power":{"value":"on","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"ipmi 192.0.2.7"},"reach":{"value":"ok","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"ipmi 192.0.2.7"},"screenReach":{"value":"ok","observedAt":"2026-03-01T12:00:00.000Z","since":"2026-03-01T12:00:00.000Z","source":"vnc 192.0.2.7"},"management":"enabled","screen":null,"seen":"on","asked":null,"standing":null}','{"streaks":{"power-supply-f1":{"readings":1,"version":null,"evidence":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"}}},"lastSeq":1,"ledgers":{"power-supply-f1":{"attempts":1,"endedAt":"2026-03-01T12:00:00.000Z","failed":false}},"incident":{"record":{"id":1,"host":"rack7-12","cause":"the screen shows `Press F1`","flow":"power-supply-f1","state":"recovering","reason":"flow power-supply-f1 runs","openedAt":"2026-03-01T12:00:00.000Z","attempts":1,"firstPicture":"then","lastPicture":"then"},"flow":{"metadata":{"name":"power-supply-f1"},"spec":{"when":{"screen":"Press\\s+F1","stable":1},"priority":7,"do":[{"keys":"<F1>"},{"sleep":"2s"}],"verify":{"screen":"login:","timeout":"5m"},"limits":{"attempts":2,"cooldown":"1m"}}},"proof":{"readings":0,"evidence":null},"doubtSince":"2026-03-01T12:00:00.000Z","run":{"record":{"id":1,"host":"rack7-12","incident":1,"flow":"power-supply-f1","attempt":1,"state":"running","reason":"step 1 of 2: press `<F1>`","startedAt":"2026-03-01T12:00:00.000Z","matched":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"},"steps":[{"step":{"keys":"<F1>"},"startedAt":"2026-03-01T12:00:00.000Z"}]},"flow":{"metadata":{"name":"power-supply-f1"},"spec":{"when":{"screen":"Press\\s+F1","stable":1},"priority":7,"do":[{"keys":"<F1>"},{"sleep":"2s"}],"verify":{"screen":"login:","timeout":"5m"},"limits":{"attempts":2,"cooldown":"1m"}}},"next":0,"repeated":false,"pausedSince":null,"verifyingSince":null},"evidence":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"}}}');
CREATE TABLE incidents (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    closed BIGINT NOT NULL,
    body TEXT NOT NULL
);
INSERT INTO "incidents" VALUES(1,'rack7-12',0,'{"id":1,"host":"rack7-12","cause":"the screen shows `Press F1`","flow":"power-supply-f1","state":"recovering","reason":"flow power-supply-f1 runs","openedAt":"2026-03-01T12:00:00.000Z","attempts":1,"firstPicture":"then","lastPicture":"then"}');
CREATE TABLE picture_contents (
    digest TEXT NOT NULL PRIMARY KEY,
    png BLOB NOT NULL
);
INSERT INTO "picture_contents" VALUES('then',X'C289504E4700206F66207468656E');
INSERT INTO "picture_contents" VALUES('now',X'C289504E4700206F66206E6F77');
CREATE TABLE picture_holders (
    holder_kind TEXT NOT NULL,
    holder TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (holder_kind, holder, digest)
);
INSERT INTO "picture_holders" VALUES('host','rack7-12','now');
INSERT INTO "picture_holders" VALUES('incident','1','then');
INSERT INTO "picture_holders" VALUES('run','1','then');
CREATE TABLE pictures (
    digest TEXT NOT NULL PRIMARY KEY,
    released_at BIGINT NOT NULL
);
INSERT INTO "pictures" VALUES('then',1772366400000);
INSERT INTO "pictures" VALUES('now',1772366400000);
CREATE TABLE resource_references (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_name TEXT NOT NULL,
    PRIMARY KEY (kind, name, target_kind, target_name)
);
INSERT INTO "resource_references" VALUES('Host','rack7-12','Credential','dc-standard');
CREATE TABLE resources (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    spec TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
INSERT INTO "resources" VALUES('Credential','dc-standard','{}','{"username":"admin","password":{"sealed":"v1:mw26C9NEU6HSh1HJ+sv2USycL54nkcszcQZNHSTs5xmq/hK8JhqypQsA/wZ/+t12QUEfFcTziulk"}}',1,1772366400000);
INSERT INTO "resources" VALUES('Flow','power-supply-f1','{}','{"when":{"screen":"Press\\s+F1","stable":2},"priority":7,"do":[{"keys":"<F1>"},{"sleep":"2s"}],"verify":{"screen":"login:","timeout":"5m"},"limits":{"attempts":2,"cooldown":"1m"}}',2,1772366400000);
INSERT INTO "resources" VALUES('Host','rack7-12','{"rack":"7"}','{"credentials":["dc-standard"],"connectors":[{"type":"ipmi","address":"192.0.2.7"},{"type":"vnc","address":"192.0.2.7"}]}',3,1772366400000);
CREATE TABLE runs (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    incident BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    body TEXT NOT NULL
);
INSERT INTO "runs" VALUES(1,'rack7-12',1,0,'{"id":1,"host":"rack7-12","incident":1,"flow":"power-supply-f1","attempt":1,"state":"running","reason":"step 1 of 2: press `<F1>`","startedAt":"2026-03-01T12:00:00.000Z","matched":{"text":"Press F1","row":12,"column":3,"confidence":0.9876543,"screenText":"Alert!\nPress F1 to continue\n│","readAt":"2026-03-01T12:00:00.000Z","picture":"then"},"steps":[{"step":{"keys":"<F1>"},"startedAt":"2026-03-01T12:00:00.000Z"}]}');
CREATE TABLE sequences (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    resource BIGINT NOT NULL,
    incident BIGINT NOT NULL,
    run BIGINT NOT NULL,
    event BIGINT NOT NULL
);
INSERT INTO "sequences" VALUES(1,3,1,1,7);
CREATE INDEX resource_references_by_target ON resource_references (target_kind, target_name);
CREATE INDEX incidents_by_host ON incidents (host, id);
CREATE INDEX incidents_by_closed ON incidents (closed, id);
CREATE INDEX runs_by_host ON runs (host, id);
CREATE INDEX runs_by_incident ON runs (incident, id);
CREATE INDEX runs_by_ended ON runs (ended, id);
CREATE INDEX events_by_host ON events (host, id);
CREATE INDEX picture_holders_by_digest ON picture_holders (digest);
COMMIT;
