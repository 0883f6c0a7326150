package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The guide's pictures equal what the commands beside them draw. */
final class PicturesTest {
  private static final Path ROOT = DocumentationTest.ROOT;
  private static final String COMMAND = "./gyre plan docs/img/job.yaml";

  @TempDir Path folder;

  /** Commands in the guide that draw a picture. */
  static List<String> commands() throws IOException {
    String page = Files.readString(ROOT.resolve("docs/reference/sequence-parallelism.md"));
    return page.lines().filter(line -> line.startsWith(COMMAND)).toList();
  }

  private static String picture(String command) {
    return command.substring(command.indexOf("docs/img/", COMMAND.length()));
  }

  private Path draw(String command) {
    List<Object> words = new ArrayList<>(List.of(command.substring(7).split(" +", -1)));
    Path file = folder.resolve("drawn.svg");
    words.set(words.indexOf("docs/img/job.yaml"), ROOT.resolve("docs/img/job.yaml"));
    words.set(words.size() - 1, file);
    Cli ran = Cli.run(words.toArray());
    assertEquals(0, ran.exit(), ran::toString);
    return file;
  }

  @ParameterizedTest
  @MethodSource("commands")
  void theCommittedPictureIsTheDrawnOne(String command) throws Exception {
    Path drawn = draw(command);
    assertEquals(
        Files.readString(ROOT.resolve(picture(command))), Files.readString(drawn), command);
    var factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    var root = factory.newDocumentBuilder().parse(drawn.toFile()).getDocumentElement();
    assertEquals("http://www.w3.org/2000/svg", root.getNamespaceURI());
    assertEquals("1.1", root.getAttribute("version"));
    assertEquals(1, root.getElementsByTagName("title").getLength());
  }

  @Test
  void everyPictureHasItsCommand() throws IOException {
    TreeSet<String> drawn = new TreeSet<>();
    commands().forEach(command -> drawn.add(picture(command)));
    TreeSet<String> there = new TreeSet<>();
    try (Stream<Path> files = Files.list(ROOT.resolve("docs/img"))) {
      files
          .filter(file -> file.toString().endsWith(".svg"))
          .forEach(file -> there.add("docs/img/" + file.getFileName()));
    }
    assertEquals(there, drawn);
    assertTrue(drawn.size() >= 6, drawn::toString);
  }

  /** The plan's messages are drawn as one dot each, and nothing else is. */
  @Test
  void everyMessageIsAnArrow() throws IOException {
    String balanced =
        Files.readString(draw(COMMAND + " --no-measure --ring 3 --schedule balanced --svg x"));
    // Forward K,V to the next, Q to the helper, its output back; backward also dK,dV and dQ.
    assertEquals(2 + 1 + 1 + 2 + 1 + 2 + 1, count(balanced, "<circle"));
    String layers =
        Files.readString(
            draw(
                COMMAND
                    + " --no-measure --ring 2 --set model.num_hidden_layers=2"
                    + " --set model.sliding_window=64"
                    + " --set model.layer_types=[full_attention,sliding_attention] --svg x"));
    assertEquals(1, count(layers, "full attention layers (causal)"));
    assertEquals(1, count(layers, "sliding attention layers (window 64)"));
    Cli wide =
        Cli.run(
            "plan", ROOT.resolve("docs/img/job.yaml"), "--no-measure", "--ring", 32, "--svg", "x");
    assertEquals(ExitCode.BAD_JOB.code(), wide.exit(), wide::toString);
    assertTrue(wide.err().contains("32 ranks do not fit on a picture"), wide::toString);
  }

  private static int count(String text, String part) {
    return text.split(java.util.regex.Pattern.quote(part), -1).length - 1;
  }
}
