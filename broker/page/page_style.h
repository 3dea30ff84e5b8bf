//  page_style - the style sheet of the page and what may be loaded under its policy.
//
//  Dark and light by the reader's setting, readable from 320 px on, for print as well.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

//  Append the <style> element and, before it, the Content-Security-Policy as a <meta> element: this
//  style sheet and nothing else.  Err: the buffer's own `failed`.
void
page_style (buf_t *out);
