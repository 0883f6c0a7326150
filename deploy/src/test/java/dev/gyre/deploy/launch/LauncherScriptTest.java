package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the {@code gyre} scripts build and start, and with what environment. */
final class LauncherScriptTest {
  @TempDir private Path temp;
  private FakeCheckout checkout;

  @BeforeEach
  void install() throws IOException {
    checkout = FakeCheckout.create(temp.resolve("ein Größenmaß 日本"), temp.resolve("outside"));
  }

  private static int builds(FakeCheckout of) throws IOException {
    return of.builds().size();
  }

  @Test
  void buildsWhenSourcesDifferAndOnlyThen() throws Exception {
    String first = checkout.gyre("train");
    assertTrue(first.startsWith("gyre: building"), first);
    assertEquals(
        List.of("maven -B -ntp -Pquick -pl deploy -am -DskipTests package"), checkout.builds());
    Path app = checkout.folder().resolve("deploy/src/main/java/App.java");

    Files.setLastModifiedTime(app, FileTime.fromMillis(System.currentTimeMillis()));
    checkout.write("deploy/src/main/java/.App.java.swp", "an editor's");
    checkout.write("deploy/src/main/java/App.java~", "an editor's");
    checkout.write("deploy/src/test/java/AppTest.java", "class AppTest {}");
    assertFalse(checkout.gyre("train").contains("building"), "no relevant file has changed");
    assertEquals(1, builds(checkout));

    checkout.write("deploy/src/main/java/App.java", "class App { int changed; }\n");
    Files.setLastModifiedTime(app, FileTime.fromMillis(0));
    checkout.gyre("train");
    assertEquals(2, builds(checkout), "changed, with an older time");

    Path mirrored =
        checkout.folder().resolve("deploy/target/dist/.mirror/deploy/src/main/java/App.java");
    assertEquals("class App { int changed; }\n", Files.readString(mirrored));
    assertTrue(Files.getLastModifiedTime(mirrored).toMillis() > 0, "Maven compares file times");

    checkout.write("deploy/src/main/java/Other.java", "class Other {}\n");
    checkout.gyre("train");
    Files.delete(checkout.folder().resolve("deploy/src/main/java/Other.java"));
    checkout.gyre("train");
    assertEquals(4, builds(checkout), "one file added, one removed");
    assertFalse(Files.exists(mirrored.resolveSibling("Other.java")));
  }

  @Test
  void aBuildIsAWholeDistribution() throws Exception {
    String output = checkout.gyre("train", "--set", "a=b c");
    Path dist = checkout.distribution();
    assertEquals(
        "Class-Path: gyre-deploy-1.jar\n  dependency-2.jar\n",
        Files.readString(dist.resolve("lib/gyre.jar")));
    assertTrue(Files.exists(dist.resolve("lib/gyre-deploy-1.jar")));
    assertTrue(Files.readString(dist.resolve("built-from")).contains("  pom.xml\n"));
    assertTrue(output.contains("java @" + dist + "/jvm.args "), output);
    assertTrue(output.contains(" -Dgyre.role=launcher "), output);
    String archive = " -XX:SharedArchiveFile=" + dist + "/classes/launcher.jsa ";
    assertTrue(output.contains(archive), output);
    assertTrue(output.contains(" -Dgyre.home=" + checkout.folder() + " "), output);
    assertTrue(
        output.contains(" -cp " + dist + "/lib/gyre.jar dev.gyre.deploy.Main train --set a=b c\n"),
        output);
    // A distribution also starts without its checkout.
    String alone =
        FakeCheckout.ended(checkout.start(List.of(), dist.resolve("bin/gyre"), "version")).output();
    assertTrue(
        alone.contains(" -cp " + dist + "/lib/gyre.jar dev.gyre.deploy.Main version\n"), alone);
  }

  @Test
  void aFailedBuildSaysWhyAndTheNextStartsAfresh() throws Exception {
    checkout.gyre("version");
    checkout.failBuilds(true);
    checkout.write("deploy/src/main/java/App.java", "class App {\n");
    FakeCheckout.Ended failed = checkout.run("version");
    assertEquals(70, failed.exit());
    assertTrue(failed.output().contains("[ERROR] it does not compile\n"), failed.output());
    assertTrue(failed.output().contains("build.log"), failed.output());

    checkout.failBuilds(false);
    Path stale = checkout.folder().resolve("deploy/target/dist/.mirror/deploy/target/Stale.class");
    Files.createFile(stale);
    checkout.gyre("version");
    assertFalse(Files.exists(stale), "it may come from the failed build");
  }

  @Test
  void aRunKeepsItsFilesAndUnusedOnesAreRemoved() throws Exception {
    Path fifo = temp.resolve("fifo");
    assertEquals(0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
    checkout.with("WAIT_FOR", fifo.toString());
    Process run = checkout.start(List.of(), checkout.folder().resolve("gyre"), "train");
    try {
      assertTrue(run.inputReader().lines().anyMatch("started"::equals));
      Path used = checkout.distribution();
      checkout.with("WAIT_FOR", null);
      checkout.write("deploy/src/main/java/App.java", "class App { int pulled; }\n");
      checkout.gyre("version");
      assertEquals(2, checkout.distributions().size());
      assertTrue(Files.exists(used.resolve("lib/gyre.jar")), "the run may still need it");

      Files.writeString(fifo, "end\n");
      assertEquals(0, run.waitFor());
      checkout.write("deploy/src/main/java/App.java", "class App { int edited; }\n");
      checkout.gyre("version");
      assertNotEquals(used, checkout.distribution());
    } finally {
      run.destroyForcibly();
    }
  }

  @Test
  void ofTwoAtOnceOneBuilds() throws Exception {
    Process one = checkout.start(List.of(), checkout.folder().resolve("gyre"), "version");
    Process two = checkout.start(List.of(), checkout.folder().resolve("gyre"), "version");
    FakeCheckout.Ended first = FakeCheckout.ended(one);
    FakeCheckout.Ended second = FakeCheckout.ended(two);
    assertEquals(0, first.exit(), first.output());
    assertEquals(0, second.exit(), second.output());
    assertEquals(1, builds(checkout), () -> first.output() + second.output());
  }

  @Test
  void aMovedOrCopiedCheckoutRunsItsOwnFiles() throws Exception {
    checkout.gyre("version");
    FakeCheckout copy = checkout.at(temp.resolve("copy"));
    assertEquals(
        0,
        new ProcessBuilder("cp", "-R", checkout.folder().toString(), copy.folder().toString())
            .start()
            .waitFor());
    FakeCheckout moved = checkout.at(temp.resolve("moved"));
    Files.move(checkout.folder(), moved.folder());
    for (FakeCheckout there : List.of(copy, moved)) {
      String output = there.gyre("version");
      assertTrue(output.contains(" -cp " + there.distribution() + "/lib/gyre.jar "), output);
      assertFalse(output.contains("Größenmaß"), output);
    }
    assertEquals(1, builds(copy));
  }

  @Test
  void aLinkToItIsFollowed() throws Exception {
    Path link = Files.createDirectory(temp.resolve("bin")).resolve("gyre");
    Files.createSymbolicLink(link, checkout.folder().resolve("gyre"));
    String output = FakeCheckout.ended(checkout.start(List.of(), link, "train")).output();
    assertTrue(output.contains("-Dgyre.home=" + checkout.folder() + " "), output);
  }

  @Test
  void whatCannotBeBuiltInPlaceIsBuiltInTheCache() throws Exception {
    Path cache = temp.resolve("cache");
    FakeCheckout colon = FakeCheckout.create(temp.resolve("a:b"), temp.resolve("outside-2"));
    String output = colon.with("GYRE_CACHE", cache.toString()).gyre("version");
    assertTrue(output.contains(" -cp " + cache + "/builds/"), output);
    assertTrue(output.contains(" -Dgyre.home=" + colon.folder() + " "), output);

    // Nothing can be created in the checkout, as if it belonged to another user.
    Files.createFile(checkout.folder().resolve("deploy/target"));
    output = checkout.with("GYRE_CACHE", cache.toString()).gyre("version");
    assertTrue(output.contains(" -cp " + cache + "/builds/"), output);

    FakeCheckout.Ended ended =
        colon.with("GYRE_CACHE", temp.resolve("c:d").toString()).run("version");
    assertEquals(64, ended.exit());
    assertTrue(ended.output().contains("name a folder with GYRE_CACHE"), ended.output());
  }

  @Test
  void partsAreBuiltWhenJavaAsksForThem() throws Exception {
    checkout.gyre("train");
    String first = checkout.gyre("--with", "torch", "train", "--backend", "torch");
    assertTrue(first.contains("downloading libtorch 9.8-7, about 110 MB, once"), first);
    Path dist = checkout.distribution();
    assertTrue(
        first.contains(" -cp %s/lib/gyre.jar:%s/torch/gyre.jar dev".formatted(dist, dist)), first);
    assertTrue(first.contains(" -Dgyre.parts=torch "), first);
    assertTrue(first.contains("Main train --backend torch\n"), first);
    assertEquals(
        "maven -B -ntp -Pquick,torch -pl worker/kernels-torch -am -DskipTests package",
        checkout.builds().getLast());
    checkout.gyre("--with", "torch", "train");
    assertEquals(2, builds(checkout));

    String gpu = checkout.gyre("--with", "gpu", "--with", "bench", "bench", "kernels");
    assertTrue(gpu.contains("downloading libtorch 9.8-7-gpu, about 480 MB, once"), gpu);
    assertTrue(gpu.contains("gyre.jar:%s/gpu/gyre.jar dev".formatted(dist)), gpu);
    assertTrue(Files.exists(dist.resolve("bench/gyre-kernels-bench-1.jar")));
    assertEquals(4, builds(checkout));
  }

  @Test
  void whatMavenHasIsNotAnnounced() throws Exception {
    Path there = temp.resolve("outside/.m2/repository/org/bytedeco/pytorch/9.8-7");
    Files.createDirectories(there);
    Files.createFile(there.resolve("pytorch-9.8-7-linux-x86_64.jar"));
    assertFalse(checkout.gyre("--with", "torch", "train").contains("downloading"));
    assertTrue(checkout.gyre("--with", "gpu", "train").contains("downloading"));
  }

  @Test
  void testsRunWithWhatIsAskedFor() throws Exception {
    String with = " -Dgyre.test.tmp=" + temp + " -Dgyre.test.excluded=";
    checkout.with("TMPDIR", temp.toString()).gyre("test", "-Dtest=SomeTest");
    assertEquals(
        "maven -B -ntp" + with + "long verify -Dtest=SomeTest", checkout.builds().getLast());
    checkout.gyre("test", "--torch");
    assertEquals("maven -B -ntp -Ptorch" + with + "long verify", checkout.builds().getLast());
    checkout.gyre("test", "--long", "--torch", "-q");
    assertEquals("maven -B -ntp -Ptorch" + with + " verify -q", checkout.builds().getLast());
  }

  @Test
  void mavenKeepsItsFilesInTheCacheWhereTheUsualPlaceCannotBeWritten() throws Exception {
    Files.createFile(temp.resolve("outside/.m2"));
    checkout.with("GYRE_CACHE", temp.resolve("cache").toString()).gyre("version");
    String build = checkout.builds().getLast();
    assertTrue(
        build.contains(" -Dmaven.repo.local=" + temp.resolve("cache/maven/repository") + " "),
        build);
  }

  @Test
  void namesBeyondAsciiAreReadInAnyLocale() throws Exception {
    for (String locale : List.of("C", "POSIX", "xx_XX.UTF-8")) {
      String output = checkout.with("LC_ALL", locale).gyre("version");
      assertTrue(output.matches("(?s).*\nLC_ALL=\\S+\\.(UTF-8|utf8) .*"), output);
      assertFalse(output.contains(locale + " "), output);
    }
    String unset = checkout.with("LC_ALL", null).gyre("version");
    assertTrue(unset.matches("(?s).*LC_ALL=\\S+\\.(UTF-8|utf8) .*"), unset);
    String own = checkout.with("LC_CTYPE", "C.UTF-8").gyre("version");
    assertTrue(own.contains("LC_ALL= "), "a usable locale is not changed");
  }

  @Test
  void theCacheIsWhereTheUserSaysOrCanWrite() throws Exception {
    Path home = temp.resolve("outside");
    checkout.with("TMPDIR", temp.toString());
    assertTrue(checkout.gyre("version").contains("GYRE_CACHE=" + home + "/.cache/gyre "));
    checkout.with("XDG_CACHE_HOME", "/caches");
    assertTrue(checkout.gyre("version").contains("GYRE_CACHE=/caches/gyre "));
    checkout.with("GYRE_CACHE", "/own");
    assertTrue(checkout.gyre("version").contains("GYRE_CACHE=/own "));

    checkout.with("GYRE_CACHE", null).with("XDG_CACHE_HOME", null);
    for (String none : List.of("/", "/nonexistent")) {
      String output = checkout.with("HOME", none).gyre("version");
      assertTrue(output.contains("GYRE_CACHE=" + temp + "/gyre-"), output);
    }
    String output = checkout.with("HOME", null).gyre("version");
    assertTrue(output.contains("HOME=" + homeInPasswd() + " "), output);
  }

  /** Empty for a user id that has no entry, as containers give. */
  private static String homeInPasswd() throws Exception {
    Process getent =
        new ProcessBuilder("/bin/sh", "-c", "getent passwd \"$(id -u)\" | cut -d: -f6").start();
    return new String(getent.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
  }

  @Test
  void temporaryFilesGoWhereTheyCanBeWritten() throws Exception {
    String output = checkout.with("TMPDIR", "/nonexistent").gyre("version");
    Path usual = Path.of("/tmp");
    Path other = temp.resolve("outside/.cache/gyre/tmp");
    Path expected = Files.isWritable(usual) ? usual : other;
    assertTrue(output.contains(" -Djava.io.tmpdir=" + expected + " "), output);
    output = checkout.with("TMPDIR", temp.toString()).gyre("version");
    assertTrue(output.contains(" -Djava.io.tmpdir=" + temp + " "), output);
    assertTrue(output.contains("TMPDIR=" + temp + "\n"), output);
  }

  @Test
  void shortCommandsCompileWithC1() throws Exception {
    String c1 = " -XX:TieredStopAtLevel=1 ";
    for (String shortCommand : List.of("version", "plan", "schema", "--help")) {
      assertTrue(checkout.gyre(shortCommand).contains(c1), shortCommand);
    }
    assertFalse(checkout.gyre("train").contains(c1));
    assertFalse(checkout.gyre("plan", "job.yaml", "--machine", "cores=8").contains(c1));
    assertFalse(checkout.with("GYRE_COMPILER", "c2").gyre("plan").contains(c1));
  }

  @Test
  void tooFewOpenFilesAreAMessage() throws Exception {
    checkout.gyre("version");
    List<String> limited = List.of("/bin/sh", "-c", "ulimit -n 100; exec \"$@\"", "limit");
    FakeCheckout.Ended ended =
        FakeCheckout.ended(checkout.start(limited, checkout.folder().resolve("gyre"), "version"));
    assertEquals(64, ended.exit());
    assertEquals(
        "gyre: only 100 files may be open at once; Gyre needs 256 (ulimit -n 1024)\n",
        ended.output());
  }
}
