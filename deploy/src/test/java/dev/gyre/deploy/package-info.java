@NullMarked
package dev.gyre.deploy;

import org.jspecify.annotations.NullMarked;
