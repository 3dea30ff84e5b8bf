//  status - the messages between triage-run and its worker over two pipes.
//
//  triage-run writes lines to its standard output; each begins with a word.  The worker writes
//  orders to its standard input; each is one byte.  The end of that pipe also stops the agent.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

typedef enum {
    //  The script is about to be executed, and may act before the next word.
    STATUS_STARTING,
    STATUS_STARTED, //  it was executed
    STATUS_ENDED,   //  nothing of its tree remains
    STATUS_RESULT,  //  followed by a run_result_t as JSON; the last line
    STATUS_WORDS    //  any other word
} status_word_t;

enum { STATUS_LINE = 1024 }; //  the longest line with its end, bytes

enum {
    STATUS_STOP = 'T', //  end the agent within its grace; so does any other byte
    STATUS_KILL = 'K'  //  end it at once
};

//  Write one line; text follows the word, NULL = none.  fd -1: nobody reads.  Never waits: writes
//  nothing when the reader is gone or slow, or the line is too long.
void
status_tell (int fd, status_word_t word, const char *text);
//  The word at the start of a line without its newline.  *ret_text is the text after it.  Own:
//  borrowed from line.
status_word_t
status_read (const char *line, const char **ret_text);
