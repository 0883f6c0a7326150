package dev.gyre.deploy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.trainer.json.SpecJson;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CollectivesBenchTest {
  /** Uses real processes, each of which checks the results of its collectives. */
  @Test
  void everyCollectiveIsMeasuredAtEverySize(@TempDir Path runs) throws Exception {
    List<Long> sizes = List.of(4096L, 300_000L);
    CollectivesBench bench = new CollectivesBench(2, "ipc", 2, sizes, true);
    List<CollectiveResult> results = bench.run(RunFolder.create(runs, "test"));
    assertEquals(CollectiveOp.values().length * sizes.size(), results.size());
    for (int i = 0; i < results.size(); i++) {
      CollectiveResult result = results.get(i);
      assertEquals(CollectiveOp.values()[i % 5].key(), result.op());
      assertEquals(sizes.get(i / 5), result.bytes());
      assertEquals(2, result.world());
      assertTrue(result.bestSeconds() > 0, result.toString());
      assertTrue(result.medianSeconds() >= result.bestSeconds(), result.toString());
    }
  }

  @Test
  void resultsHaveTheKeysOfOtherFrameworksScripts() {
    CollectiveResult result =
        CollectiveResult.of("all_reduce", 2, 4096, new long[] {4000, 1000, 2000, 3000}, 800, 400);
    assertEquals(
        "{\"op\":\"all_reduce\",\"world\":2,\"bytes\":4096,\"median_s\":2.5E-6,\"best_s\":1.0E-6,"
            + "\"gbps_median\":1.6384,\"gbps_best\":4.096,\"wait_s\":2.0E-7,\"cpu_wait_s\":1.0E-7}",
        SpecJson.line(result));
  }

  @Test
  void aWrongResultIsNamed() throws Exception {
    try (LoopbackNetwork network = new LoopbackNetwork(1, LoopbackNetwork.Options.plain());
        Transport transport = network.transport(0)) {
      ProcessGroup alone = new ProcessGroup(transport, new int[] {0}, Channel.GRADIENTS);
      CollectiveBuffers buffers = CollectiveBuffers.allocate(alone, 64);
      for (CollectiveOp op : CollectiveOp.values()) {
        buffers.fill();
        op.call(alone, buffers).run();
        op.check(alone, buffers);
        buffers.output().setAtIndex(ValueLayout.JAVA_FLOAT, 3, -1);
        IllegalStateException wrong =
            assertThrows(IllegalStateException.class, () -> op.check(alone, buffers));
        assertEquals(op.key() + " left -1.0 at element 3 of 16, not 3.0", wrong.getMessage());
      }
    }
  }
}
