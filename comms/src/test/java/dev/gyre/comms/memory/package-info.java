/** Tests of memory whose pages are allocated when they are first touched. */
package dev.gyre.comms.memory;
