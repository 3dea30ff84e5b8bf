//  status - what triage-run and its worker say to each other over two pipes.
//
//  triage-run writes lines to its standard output; each begins with a word.  The worker writes
//  orders to its standard input; each is a byte.  The end of that pipe stops the agent too.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

typedef enum {
    STATUS_STARTING, //  the script is about to be executed, and may act before the next word
    STATUS_STARTED,  //  it was executed
    STATUS_ENDED,    //  nothing of its tree is left
    STATUS_RESULT,   //  a run_result_t as JSON stands behind the word; the last line
    STATUS_WORDS     //  another word
} status_word_t;

enum { STATUS_LINE = 1024 }; //  bytes of the longest line, with its end

enum {
    STATUS_STOP = 'T', //  end the agent within its grace; so does any other byte
    STATUS_KILL = 'K'  //  end it at once
};

//  Write one line; text stands behind the word, NULL = none.  fd -1: nobody reads.
//  Never waits: nothing is written when the reader is gone or slow, or the line is too long.
void
status_tell (int fd, status_word_t word, const char *text);
//  The word that a line, without its newline, begins with.  *ret_text is what stands behind it.
//  Own: borrowed from line.
status_word_t
status_read (const char *line, const char **ret_text);
