package dev.gyre.trainer.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SpecJsonTest {
  record SampleText(long step, double loss, String name) {}

  @Test
  void readsWhatItWrote() {
    SampleText sample = new SampleText(3, 0.1, "a");
    assertEquals(sample, SpecJson.read(SpecJson.write(sample), SampleText.class, "a test"));
    assertEquals("{\"step\":3,\"loss\":0.1,\"name\":\"a\"}", SpecJson.line(sample));
  }

  @Test
  void whatIsNotFiniteIsNullAndComesBackAsNotANumber() {
    String json = SpecJson.line(new SampleText(3, Double.POSITIVE_INFINITY, "a"));
    assertEquals("{\"step\":3,\"loss\":null,\"name\":\"a\"}", json);
    assertTrue(Double.isNaN(SpecJson.read(json, SampleText.class, "a test").loss()));
  }

  @Test
  void whatDoesNotFitIsRefusedByName() {
    for (String json :
        new String[] {"{\"step\":3}", "{\"step\":3,\"loss\":1,\"name\":\"a\",\"x\":1}", "["}) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> SpecJson.read(json, SampleText.class, "a.json"));
      assertTrue(e.getMessage().startsWith("a.json is not a valid Sample"), e.getMessage());
    }
  }
}
