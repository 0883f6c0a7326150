package dev.gyre.trainer.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Trace;
import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SequenceRow.Saved;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.sequence.AttentionCheck.Row;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A trace tells what was sent, to whom and when, and what was computed meanwhile. */
final class TraceTest {
  private static final int TOKENS = 2048;
  private static final Row ROW = new Row(new Documents(TOKENS), 0, 2, 2, 16);
  private static final Mesh MESH = new Mesh(1, 2, 1, 1);

  /**
   * Kernels of a hop take 200 ms, its transfers 100: a busy machine delays one rank by a few dozen.
   */
  private static final double NANOS_PER_PAIR = 200e6 / (TOKENS / 2.0 * TOKENS / 2.0 / 2.0);

  private static final long BYTES_PER_SECOND = 2L * TOKENS / 2 * 2 * 16 * Float.BYTES * 10;

  private record Traced(List<JsonNode> events, long ringBytes) {
    List<JsonNode> of(String category, String event) {
      return events.stream()
          .filter(e -> e.path("cat").asString("").equals(category))
          .filter(e -> e.path("ph").asString("").equals(event))
          .toList();
    }
  }

  private static List<Traced> ranks(int spans) {
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, ROW.documents(), 2, 1, 64);
    AttentionSchedule schedule = new RingSchedule().schedule(layout, AttentionMask.CAUSAL);
    long base = System.nanoTime();
    Options link = Options.plain().withBytesPerSecond(BYTES_PER_SECOND);
    try (LocalNetwork network = LocalNetwork.loopback(2, link)) {
      return RankThreads.run(2, network, t -> traced(t, layout, schedule, new Trace(base, spans)));
    }
  }

  private static Traced traced(
      Transport transport, SequenceLayout layout, AttentionSchedule schedule, Trace trace)
      throws IOException {
    long before;
    try (Arena arena = Arena.ofShared();
        BusyDevice device = new BusyDevice(NANOS_PER_PAIR)) {
      Workspace ws = AttentionCheck.workspace(arena, 8L << 20);
      ShardedSequence sequence =
          new ShardedSequence(transport, MESH, device, ROW.model(), DType.F32);
      SequenceRow opened = sequence.open(layout, Map.of(AttentionMask.CAUSAL, schedule), null, ws);
      Tensor[] x = new Tensor[5];
      for (int i = 0; i < x.length; i++) {
        x[i] = Tensors.zeros(arena, DType.F32, TOKENS / 2, 2, 16);
      }
      // Once without a trace, to load classes; then both ranks start at the same moment.
      attention(opened, x, ws);
      new ProcessGroup(transport, new int[] {0, 1}, Channel.CONTROL).sum(new double[1]);
      before = ringBytes(transport);
      transport.where().traceTo(trace);
      transport.where().step(7);
      attention(opened, x, ws);
    }
    StringBuilder lines = new StringBuilder();
    trace.write(transport.rank(), lines);
    List<JsonNode> events = new ArrayList<>();
    for (String line : lines.toString().lines().toList()) {
      events.add(JsonMapper.shared().readTree(line));
    }
    return new Traced(events, ringBytes(transport) - before);
  }

  private static long ringBytes(Transport transport) {
    return transport.counters().bytesSent().getOrDefault("ring", 0L);
  }

  private static void attention(SequenceRow opened, Tensor[] x, Workspace ws) {
    long mark = ws.savedMark();
    Saved saved = opened.attention(x[0], x[0], x[0], AttentionMask.CAUSAL, 0.5f, null, x[1], ws);
    opened.backward(saved, null, x[0], x[2], x[3], x[4], ws);
    ws.releaseSaved(mark);
  }

  @Test
  void spansTellWhatWasSentAndComputedMeanwhile() {
    List<Traced> ranks = ranks(Trace.DEFAULT_SPANS);
    for (int rank = 0; rank < 2; rank++) {
      Traced traced = ranks.get(rank);
      List<JsonNode> sends = traced.of("sends", "b");
      long bytes = 0;
      for (JsonNode send : sends) {
        assertEquals("ring", send.path("name").asString());
        assertEquals(1 - rank, send.path("args").path("peer").asInt());
        bytes += send.path("args").path("bytes").asLong();
      }
      assertEquals(traced.ringBytes, bytes);
      assertEquals(sends.size(), traced.of("sends", "e").size());
      assertEquals(
          List.of("step 7"),
          traced.of("steps", "X").stream().map(e -> e.path("name").asString()).toList());
      assertTrue(
          traced.of("phases", "X").stream()
              .anyMatch(e -> e.path("name").asString().equals("ring step 1 of 2, forward")));
      List<JsonNode> kernels = traced.of("hops", "X");
      assertTrue(kernels.stream().anyMatch(k -> k.path("dur").asDouble() >= 200_000));
      assertTrue(under(traced.of("receives", "b"), traced.of("receives", "e"), kernels));
    }
  }

  /** Whether some transfer began and ended while one hop's kernels ran. */
  private static boolean under(List<JsonNode> begins, List<JsonNode> ends, List<JsonNode> kernels) {
    for (int i = 0; i < begins.size(); i++) {
      assertEquals(begins.get(i).path("id"), ends.get(i).path("id"));
      double began = begins.get(i).path("ts").asDouble();
      double ended = ends.get(i).path("ts").asDouble();
      for (JsonNode kernel : kernels) {
        double from = kernel.path("ts").asDouble();
        double share =
            Math.min(ended, from + kernel.path("dur").asDouble()) - Math.max(began, from);
        if (share > 10_000) {
          return true;
        }
      }
    }
    return false;
  }

  @Test
  void memoryIsBounded() {
    for (Traced traced : ranks(4)) {
      int spans = 0;
      for (JsonNode event : traced.events) {
        String kind = event.path("ph").asString();
        spans += kind.equals("X") || kind.equals("b") ? 1 : 0;
      }
      assertEquals(4, spans);
      String name = traced.events.getFirst().path("args").path("name").asString();
      assertTrue(name.contains("later spans left out"), name);
    }
  }
}
