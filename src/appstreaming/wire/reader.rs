//! Reads JSON in one pass, without recursion and without copying.
//!
//! The caller requests what it expects. All other text is skipped, but checked: a text is accepted
//! exactly if it is JSON. Strings are checked for their end, and decoded only when they are read
//! ([`Scalar`]). A general parser first finds the limits of a value and then reads it again,
//! because it does not know that a value of any type must be accepted.
//!
//! What is not here: why a text is not JSON (`page` lets a general parser describe it).

use std::borrow::Cow;

use super::scalar::Scalar;

/// The text is not JSON, or not the kind of value that must be at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// A position in a JSON text.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    text: &'a str,
    position: usize,
}

/// A value that is read from any JSON value.
pub trait Read<'a>: Sized {
    /// Reads the next value.
    ///
    /// # Errors
    /// When it is not JSON.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid>;
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// The first byte of the next value or punctuation.
    pub(super) fn peek(&mut self) -> Result<u8, Invalid> {
        while let Some(byte) = self.byte() {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.position += 1,
                _ => return Ok(byte),
            }
        }
        Err(Invalid)
    }

    /// Checks that only white space follows.
    pub(super) fn end(mut self) -> Result<(), Invalid> {
        self.peek().map_or(Ok(()), |_| Err(Invalid))
    }

    /// Enters an object. Returns whether it has a member, whose name is next.
    pub(super) fn enter_object(&mut self) -> Result<bool, Invalid> {
        self.expect(b'{')?;
        let has_member = self.peek()? != b'}';
        self.position += usize::from(!has_member);
        Ok(has_member)
    }

    /// Goes on after a member's value. Returns whether there is another member, whose name is next.
    pub(super) fn next_member(&mut self) -> Result<bool, Invalid> {
        let has_member = self.next(b'}')?;
        if has_member {
            self.peek()?;
        }
        Ok(has_member)
    }

    /// Reads a member's name with its quotes and colon if it is `name`, in the usual form: without
    /// escapes and white space.
    pub(super) fn take_name(&mut self, name: &str) -> bool {
        let is_next = self.rest().starts_with(name.as_bytes());
        self.position += if is_next { name.len() } else { 0 };
        is_next
    }

    /// Reads any member's name, with its colon.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>, Invalid> {
        let name = match self.string()? {
            Scalar::Text(name) => Cow::Borrowed(name),
            // A name that is not Unicode has no meaning; this text is not a known name.
            Scalar::Escaped(quoted) => serde_json::from_str(quoted).map_or(Cow::Borrowed(quoted), Cow::Owned),
            _ => Cow::default(),
        };
        self.expect(b':')?;
        Ok(name)
    }

    /// Reads a list with `element`, which must read one value.
    pub(super) fn list(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.position += 1;
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.next(b']')? {
                return Ok(());
            }
        }
    }

    /// Reads a value of any type; a list or an object is skipped.
    pub(super) fn scalar(&mut self) -> Result<Scalar<'a>, Invalid> {
        match self.peek()? {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number().map(Scalar::Number),
            b't' => self.literal("true", Scalar::Flag(true)),
            b'f' => self.literal("false", Scalar::Flag(false)),
            b'n' => self.literal("null", Scalar::Absent),
            _ => self.skip().map(|()| Scalar::Other),
        }
    }

    /// Skips a value of any type, and returns its text.
    pub(super) fn skipped(&mut self) -> Result<&'a str, Invalid> {
        self.peek()?;
        let start = self.position;
        self.skip()?;
        Ok(&self.text[start..self.position])
    }

    /// Skips a value of any type. Its depth is limited by memory only: one byte for each level.
    pub(super) fn skip(&mut self) -> Result<(), Invalid> {
        // The byte that closes each list and object that is open.
        let mut open = Vec::new();
        loop {
            let close = match self.peek()? {
                b'{' => Some(b'}'),
                b'[' => Some(b']'),
                _ => None,
            };
            if let Some(close) = close {
                self.position += 1;
                if self.peek()? != close {
                    open.push(close);
                    self.skip_name(close)?;
                    continue;
                }
                self.position += 1;
            } else {
                self.skip_single()?;
            }
            // A value has ended, and with it every list and object of which it was the last one.
            loop {
                let Some(close) = open.last() else { return Ok(()) };
                let close = *close;
                if self.next(close)? {
                    self.skip_name(close)?;
                    break;
                }
                open.pop();
            }
        }
    }

    /// Skips the name of a member, if the elements of what `close` closes are members.
    fn skip_name(&mut self, close: u8) -> Result<(), Invalid> {
        if close == b'}' {
            self.peek()?;
            self.string()?;
            self.expect(b':')?;
        }
        Ok(())
    }

    /// Skips a value that is neither a list nor an object.
    fn skip_single(&mut self) -> Result<(), Invalid> {
        match self.byte() {
            Some(b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => self.scalar().map(drop),
            _ => Err(Invalid),
        }
    }

    /// Reads a comma, and returns true, or reads `close`.
    fn next(&mut self, close: u8) -> Result<bool, Invalid> {
        let byte = self.peek()?;
        if byte != b',' && byte != close {
            return Err(Invalid);
        }
        self.position += 1;
        Ok(byte == b',')
    }

    fn expect(&mut self, byte: u8) -> Result<(), Invalid> {
        if self.peek()? != byte {
            return Err(Invalid);
        }
        self.position += 1;
        Ok(())
    }

    fn literal(&mut self, literal: &str, value: Scalar<'a>) -> Result<Scalar<'a>, Invalid> {
        self.take_name(literal).then_some(value).ok_or(Invalid)
    }

    /// Reads a string, which must be next. An empty one is an absent value.
    fn string(&mut self) -> Result<Scalar<'a>, Invalid> {
        if self.byte() != Some(b'"') {
            return Err(Invalid);
        }
        let start = self.position + 1;
        self.position = start + plain_length(&self.text.as_bytes()[start..]);
        if self.byte() != Some(b'"') {
            return self.escaped_string(start);
        }
        let text = &self.text[start..self.position];
        self.position += 1;
        Ok(if text.is_empty() { Scalar::Absent } else { Scalar::Text(text) })
    }

    /// Reads the rest of a string whose content begins at `start`, from its first escape.
    #[cold]
    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Result<Scalar<'a>, Invalid> {
        while self.byte() == Some(b'\\') {
            self.position += escape_length(self.rest()).ok_or(Invalid)?;
            self.position += plain_length(self.rest());
        }
        if !self.take(|byte| byte == b'"') {
            return Err(Invalid);
        }
        Ok(Scalar::Escaped(&self.text[start - 1..self.position]))
    }

    fn number(&mut self) -> Result<&'a str, Invalid> {
        let start = self.position;
        self.take(|byte| byte == b'-');
        if !self.take(|byte| byte == b'0') {
            self.digits()?;
        }
        if self.take(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.take(|byte| matches!(byte, b'e' | b'E')) {
            self.take(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Ok(&self.text[start..self.position])
    }

    /// Reads one or more digits.
    fn digits(&mut self) -> Result<(), Invalid> {
        if !self.take(|byte| byte.is_ascii_digit()) {
            return Err(Invalid);
        }
        while self.take(|byte| byte.is_ascii_digit()) {}
        Ok(())
    }

    /// Reads the next byte if `is_wanted`, and returns whether it is.
    fn take(&mut self, is_wanted: impl Fn(u8) -> bool) -> bool {
        let is_next = self.byte().is_some_and(is_wanted);
        self.position += usize::from(is_next);
        is_next
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.position..]
    }
}

impl<'a> Read<'a> for Scalar<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        reader.scalar()
    }
}

/// The number of bytes before the first quote, backslash or control character, which cannot be in a
/// string as they are.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The lowest bit that is set belongs to the lowest byte that is below `limit`. Above it, other
    // bits may be set. There is none if no byte is below `limit`.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGH;

    let mut rest = bytes;
    while let Some((word, tail)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        // Without its bit 1, a quote is a space, and control characters are below it nevertheless.
        let quote_or_control = below(word ^ (ONES * 2), b' ' + 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let special = quote_or_control | backslash;
        if special != 0 {
            return bytes.len() - rest.len() + special.trailing_zeros() as usize / 8;
        }
        rest = tail;
    }
    bytes.len() - rest.len() + plain_length_of_rest(rest)
}

/// [`plain_length`] of fewer than 8 bytes: only the end of a text.
#[cold]
#[inline(never)]
fn plain_length_of_rest(bytes: &[u8]) -> usize {
    let special = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
    special.unwrap_or(bytes.len())
}

/// The length of the escape at the start of `bytes`; `None` if it is not valid. Half of a surrogate
/// pair is valid JSON, although it is not Unicode.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
