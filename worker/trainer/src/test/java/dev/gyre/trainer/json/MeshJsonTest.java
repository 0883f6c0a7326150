package dev.gyre.trainer.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.mesh.Mesh;
import org.junit.jupiter.api.Test;

/** The axes of a mesh have the names of their keys. */
final class MeshJsonTest {
  private static Mesh read(String json) {
    return SpecJson.read(json, Mesh.class, "plan.json");
  }

  @Test
  void everyAxisIsWrittenAndRead() {
    Mesh mesh = new Mesh(2, 3, 1, 6);
    String json = SpecJson.line(mesh);
    assertEquals("{\"dataParallel\":2,\"ring\":3,\"ulysses\":1,\"expertParallel\":6}", json);
    assertEquals(mesh, read(json));
  }

  /** As in a plan that was written before there was the axis. */
  @Test
  void anAxisThatIsMissingHasDegreeOne() {
    assertEquals(new Mesh(1, 3, 1, 1), read("{\"ring\": 3}"));
  }

  @Test
  void whatIsNoMeshIsRefused() {
    assertRefused("{\"ring\": 2, \"tensor\": 2}", "no axis [tensor]");
    assertRefused("{\"ring\": 0}", "mesh.ring: 0 must be from 1 to 16,384");
    assertRefused("{\"ring\": 3, \"expertParallel\": 2}", "2 does not divide the 3 workers");
    assertRefused("{\"ring\": 1.5}", "");
    assertRefused("{\"ring\": null}", "no degree for ring");
    assertRefused("3", "");
  }

  private static void assertRefused(String json, String problem) {
    SpecException refused = assertThrows(SpecException.class, () -> read(json));
    assertTrue(refused.getMessage().contains(problem), refused.getMessage());
  }
}
