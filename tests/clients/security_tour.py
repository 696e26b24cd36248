#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Administers ACLs as kafka-python and confluent-kafka do, and tries what they
say.  usage: security_tour.py HOST:PORT

The worker must have the super user admin/admin-pw and the user bob/bob-pw, who
may do nothing yet."""

import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

WAIT_S = 20


def settings(server, user):
    return {
        "bootstrap.servers": server,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": user + "-pw",
    }


def result(futures):
    """The error of the one future, or None."""
    for f in futures.values():
        try:
            f.result(WAIT_S)
        except KafkaException as e:
            return e.args[0].name()
    return None


def produce(server, topic):
    """What became of one record: None when it was taken."""
    told = []
    p = Producer({**settings(server, "bob"), "message.timeout.ms": 10000})
    p.produce(topic, b"x", on_delivery=lambda err, _: told.append(err))
    p.flush(WAIT_S)
    return told[0] and told[0].name()


def consume(server, topic, group):
    """The first record's value, or the name of an error."""
    c = Consumer({
        **settings(server, "bob"),
        "group.id": group,
        "auto.offset.reset": "earliest",
    })
    c.subscribe([topic])
    end = time.monotonic() + WAIT_S
    try:
        while time.monotonic() < end:
            m = c.poll(0.2)
            if m is not None:
                return m.error().name() if m.error() else m.value()
    finally:
        c.close()
    return "nothing"


def rule(op, kind, name, pattern=ACLResourcePatternType.LITERAL):
    return ACL(
        principal="User:bob",
        host="*",
        operation=op,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(kind, name, pattern),
    )


def everything_of_bob(kind=ResourceType.ANY):
    return ACLFilter(
        principal="User:bob",
        host=None,
        operation=ACLOperation.ANY,
        permission_type=ACLPermissionType.ANY,
        resource_pattern=ResourcePatternFilter(
            kind, None, ACLResourcePatternType.ANY
        ),
    )


def expect(what, got, want):
    if got != want:
        sys.exit(f"{what}: {got!r} instead of {want!r}")
    print("ok", what)


def main():
    server = sys.argv[1]
    acls = KafkaAdminClient(
        bootstrap_servers=server,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_plain_username="admin",
        sasl_plain_password="admin-pw",
    )
    admin = AdminClient(settings(server, "admin"))
    bob = AdminClient(settings(server, "bob"))

    expect("a topic of the super user",
           result(admin.create_topics([NewTopic("tour", 1, 1)])), None)
    expect("a topic of somebody else",
           result(bob.create_topics([NewTopic("bobs", 1, 1)])),
           "TOPIC_AUTHORIZATION_FAILED")
    expect("a record without a rule", produce(server, "tour"),
           "TOPIC_AUTHORIZATION_FAILED")

    made = acls.create_acls([
        rule(ACLOperation.WRITE, ResourceType.TOPIC, "to",
             ACLResourcePatternType.PREFIXED),
        rule(ACLOperation.READ, ResourceType.TOPIC, "tour"),
        rule(ACLOperation.CREATE, ResourceType.TOPIC, "bobs"),
        rule(ACLOperation.READ, ResourceType.GROUP, "g"),
    ])
    expect("rules that are refused", made["failed"], [])
    expect("a record with a rule", produce(server, "tour"), None)
    expect("a group with a rule", consume(server, "tour", "g"), b"x")
    expect("a group without one", consume(server, "tour", "h"),
           "GROUP_AUTHORIZATION_FAILED")
    expect("a topic with a rule",
           result(bob.create_topics([NewTopic("bobs", 1, 1)])), None)
    expect("its end without one", result(bob.delete_topics(["bobs"])),
           "TOPIC_AUTHORIZATION_FAILED")

    found, error = acls.describe_acls(everything_of_bob())
    expect("an error of describing", error.errno, 0)
    expect("what bob may", sorted(
        (a.resource_pattern.resource_name, a.operation.name) for a in found
    ), [("bobs", "CREATE"), ("g", "READ"), ("to", "WRITE"),
        ("tour", "READ")])
    gone = acls.delete_acls([everything_of_bob(ResourceType.TOPIC)])
    expect("rules that go", len(gone[0][1]), 3)
    expect("a record without its rule", produce(server, "tour"),
           "TOPIC_AUTHORIZATION_FAILED")
    acls.close()


main()
