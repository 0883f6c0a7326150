/** Output that must not hold up whoever produces it: a terminal or a file system may block. */
@NullMarked
package dev.gyre.deploy.output;

import org.jspecify.annotations.NullMarked;
