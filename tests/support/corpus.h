/* corpus.h - the collection of configuration files in tests/unit/configs.
 *
 * Each says what it expects in comments "# expect: LINE:COLUMN: error: TEXT", with TEXT as the
 * beginning of the message; one without an expected error must load.
 */
#ifndef VG_TESTS_CORPUS_H
#define VG_TESTS_CORPUS_H

/** Loads all files with the components of the program it is linked to, and fails the test at the
 *  first that is not reported as it expects. */
void corpus_check(void);

#endif
