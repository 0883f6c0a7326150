package dev.gyre.comms.loopback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Cluster;
import dev.gyre.comms.Collective;
import dev.gyre.comms.CommsException;
import dev.gyre.comms.Pending;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A rank that is silent, late or killed is named by the ranks that wait for it. */
class FaultTest {
  private static final LoopbackNetwork.Options SHORT =
      LoopbackNetwork.Options.plain().withDeadlineNanos(300_000_000);
  private static final LoopbackNetwork.Options PATIENT =
      LoopbackNetwork.Options.plain().withDeadlineNanos(30_000_000_000L);

  /** Rank r sends to r + 1; after two successful hops rank 1 fails. */
  private static Boolean hops(Transport transport, Runnable fault) throws Exception {
    ProcessGroup ring = new ProcessGroup(transport, new int[] {0, 1, 2}, Channel.SEQUENCE);
    MemorySegment out = transport.allocate("out", 100_000);
    MemorySegment in = transport.allocate("in", 100_000);
    for (int hop = 0; hop < 4; hop++) {
      transport.where().phase("ring hop " + hop + " of 4");
      if (hop == 2) {
        ring.sum(new double[1]);
        if (transport.rank() == 1) {
          fault.run();
        }
      }
      Pending receive = ring.receive(Collective.RING, (ring.rank() + 2) % 3, in);
      Pending send = ring.send(Collective.RING, (ring.rank() + 1) % 3, out);
      receive.await();
      send.await();
    }
    return true;
  }

  private static CommsException failure(List<Cluster.Outcome<Boolean>> outcomes, int rank) {
    return assertInstanceOf(CommsException.class, outcomes.get(rank).thrown());
  }

  private static void assertNamed(CommsException failed, int peer, String... parts) {
    assertEquals(peer, failed.peer(), failed.getMessage());
    for (String part : parts) {
      assertTrue(failed.getMessage().contains(part), failed.getMessage());
    }
  }

  @Test
  void aSilentRankIsNamedByTheDeadline() throws Exception {
    try (LoopbackCluster cluster = new LoopbackCluster(3, SHORT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(transport -> hops(transport, () -> cluster.network().silence(1)));
      assertNamed(failure(outcomes, 2), 1, "rank 1", "hop 2 of 4", "ring", "within 0.3 s");
      // All three wait equally long: rank 0 reaches its own deadline, or gets another rank's
      // failure first.
      String told = failure(outcomes, 0).getMessage();
      assertTrue(told.contains("rank 1") && told.contains("within 0.3 s"), told);
    }
  }

  @Test
  void aLateRankIsNamedByTheDeadline() throws Exception {
    try (LoopbackCluster cluster = new LoopbackCluster(3, SHORT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> hops(transport, () -> cluster.network().late(1, 5_000_000_000L)));
      assertNamed(failure(outcomes, 2), 1, "rank 1", "hop 2 of 4", "within 0.3 s");
    }
  }

  @Test
  void aRankThatIsLateButInTimeIsWaitedFor() throws Exception {
    try (LoopbackCluster cluster = new LoopbackCluster(3, PATIENT)) {
      cluster.run(transport -> hops(transport, () -> cluster.network().late(1, 30_000_000)));
    }
  }

  /**
   * Fails long before the deadline. Rank 0 learns it from its own send to rank 1, or from rank 2,
   * which may have failed before it matched rank 0's receive.
   */
  @Test
  void aKilledRankIsNamedAtOnce() throws Exception {
    long start = System.nanoTime();
    try (LoopbackCluster cluster = new LoopbackCluster(3, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(transport -> hops(transport, () -> cluster.network().kill(1)));
      assertNamed(failure(outcomes, 2), 1, "rank 1 is gone", "hop 2 of 4");
      assertTrue(failure(outcomes, 0).getMessage().contains("rank 1 is gone"));
      assertTrue(failure(outcomes, 1).getMessage().contains("rank 1 is gone"));
    }
    assertTrue(System.nanoTime() - start < 20_000_000_000L);
  }

  /** Members that enter different collectives get an error that says so. */
  @Test
  void differentCollectivesDoNotMatch() throws Exception {
    try (LoopbackCluster cluster = new LoopbackCluster(2, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                ProcessGroup group =
                    new ProcessGroup(transport, new int[] {0, 1}, Channel.GRADIENTS);
                MemorySegment data = transport.allocate("data", 80_000);
                if (transport.rank() == 0) {
                  group.allGather(data, new long[] {0, 0, 80_000});
                } else {
                  group.broadcast(0, data.asSlice(0, 0));
                }
                group.sum(new double[1]);
                return true;
              });
      assertTrue(failure(outcomes, 1).getMessage().contains("where rank 1 receives tag"));
      failure(outcomes, 0);
    }
  }

  @Test
  void whatWasSentAheadOutlivesItsSender() throws Exception {
    try (LoopbackCluster cluster = new LoopbackCluster(2, PATIENT)) {
      Transport first = cluster.open(0);
      Transport second = cluster.open(1);
      MemorySegment out = first.allocate("out", 4).fill((byte) 5);
      MemorySegment in = second.allocate("in", 4);
      first.send(1, Channel.CONTROL, 0, out).await();
      first.close();
      second.receive(0, Channel.CONTROL, 0, in).await();
      assertEquals(5, in.get(ValueLayout.JAVA_BYTE, 3));
      Pending next = second.receive(0, Channel.CONTROL, 1, in);
      CommsException failed = assertThrows(CommsException.class, next::await);
      assertTrue(failed.getMessage().contains("closed its transport"), failed.getMessage());
    }
  }
}
