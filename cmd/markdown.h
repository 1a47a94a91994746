/*
 * markdown.h: a model's Markdown as terminal text, while it comes.
 *
 * Everything is written once and never repainted, so that the scrollback stays clean: words
 * leave as soon as no mark is open before them, lines of code and whole tables when they are
 * complete. The text must be free of control characters (term.h) and come in whole code points.
 */
#ifndef CMD_MARKDOWN_H
#define CMD_MARKDOWN_H

#include "core/buf.h"

enum markdown_block {
    MD_UNDECIDED, /* too little of the line is there */
    MD_PROSE,
    MD_HEADING,
    MD_ITEM, /* of a list */
    MD_QUOTE,
    MD_RULE,
    MD_FENCE, /* opens or closes code */
    MD_CODE,  /* between fences */
    MD_TABLE,
};

enum markdown_style { MD_BOLD = 1, MD_ITALIC = 2, MD_VERBATIM = 4, MD_DIM = 8 };

struct markdown {
    size_t width; /* columns */
    bool has_style, is_utf8;
    bool is_plain; /* nothing in it is a mark: only its rows are broken */

    struct buf line;  /* what has come of this one and has not left */
    struct buf table; /* rows of one that has not ended */
    struct buf word;  /* the last one, which may go on */
    size_t word_width;
    enum markdown_block block; /* of this line */
    size_t column, indent;     /* where the next word goes; where wrapped rows begin */
    bool has_gap;              /* a blank stands before the word */
    bool may_break;            /* nothing does, but a row may end there */
    int32_t last;              /* code point of the word; -1 at its start */
    size_t last_width;         /* of the grapheme cluster it belongs to */
    size_t last_from;          /* byte of the word where that begins */
    int32_t cluster_state;     /* utf8proc's */
    bool is_in_word;           /* what has left of the line ends with a letter or digit */
    char fence;                /* '`' or '~' inside code; 0 outside */
    size_t fence_len;
    unsigned style;               /* of the word's end */
    size_t style_from, style_end; /* in the word: the bytes that set it last */
};

void markdown_init(struct markdown *m, size_t width, bool has_style, bool is_utf8);
void markdown_release(struct markdown *m);
/* Appends what can leave. */
void markdown_feed(struct markdown *m, struct str text, struct buf *out);
/* The cursor has gone to the beginning of an empty row: the row at hand goes on there. */
void markdown_row_anew(struct markdown *m, struct buf *out);
/* Appends the rest, which ends without a newline; ready for another text. */
void markdown_end(struct markdown *m, struct buf *out);

/* ---- markdown_inline.c ---- */

/* Appends s with its marks turned into styles; returns how many bytes could be understood. */
size_t markdown_inline(struct markdown *m, struct str s, unsigned style, bool is_whole,
                       struct buf *out);

/* ---- markdown_words.c ---- */

/* Adds text that has no marks, or whose marks were taken. */
void markdown_put(struct markdown *m, struct str s, unsigned style, struct buf *out);
/* Appends what is held of the last word. */
void markdown_flush_word(struct markdown *m, struct buf *out);
/* The style of what follows in the word. */
void markdown_set_style(struct markdown *m, unsigned style);

#endif
