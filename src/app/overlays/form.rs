//! Several text fields in one overlay, of which one at most has the keys. Each may have an error or a hint below it.

use tui_input::Input as Field;

/// One text field of a form.
#[derive(Debug, Clone, Default)]
pub struct FormField {
    /// Its text and cursor.
    input: Field,
    /// What to type into it.
    hint: Option<&'static str>,
    /// Why its text was refused; `None` once the text has changed.
    error: Option<String>,
}

impl FormField {
    /// A field with this text.
    pub fn of(text: String) -> Self {
        Self { input: Field::from(text), ..Self::default() }
    }

    /// The same field with a hint.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Its text and cursor.
    pub const fn input(&self) -> &Field {
        &self.input
    }

    /// What to type into it, as a sentence without a full stop.
    pub const fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// Why its text was refused, as a sentence without a full stop.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    fn text(&self) -> &str {
        self.input.value()
    }

    fn set(&mut self, text: String) {
        if text != self.text() {
            self.error = None;
        }
        self.input = Field::from(text);
    }
}

/// Several text fields in one overlay.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// The fields.
    fields: Vec<FormField>,
    /// The field that has the keys, by index.
    focus: Option<usize>,
    /// Its text before; Esc restores it.
    before: String,
}

impl Form {
    /// A form of these fields; none has the keys.
    pub fn of(fields: impl IntoIterator<Item = FormField>) -> Self {
        Self { fields: fields.into_iter().collect(), ..Self::default() }
    }

    /// The fields, each with whether it has the keys.
    pub fn fields(&self) -> impl Iterator<Item = (&FormField, bool)> {
        self.fields.iter().enumerate().map(|(index, field)| (field, self.focus == Some(index)))
    }

    /// The texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(FormField::text)
    }

    /// Whether a field has the keys.
    pub const fn is_typing(&self) -> bool {
        self.focus.is_some()
    }

    /// The text of the field that has the keys. Call [`Self::typed`] after changing it.
    pub fn field(&mut self) -> Option<&mut Field> {
        self.focused().map(|field| &mut field.input)
    }

    /// Gives the keys to a field, or to the last one.
    pub fn edit(&mut self, index: usize) {
        let index = index.min(self.fields.len().saturating_sub(1));
        self.before = self.fields.get(index).map(|field| field.text().to_owned()).unwrap_or_default();
        self.focus = Some(index);
    }

    /// Accepts the text, as `tidy` returns it, and moves to the next field.
    pub fn accept(&mut self, tidy: impl FnOnce(&str) -> String) {
        let Some(index) = self.focus.take() else { return };
        if let Some(field) = self.fields.get_mut(index) {
            field.set(tidy(field.text()));
        }
        if index + 1 < self.fields.len() {
            self.edit(index + 1);
        }
    }

    /// Leaves the field as it was before.
    pub fn leave(&mut self) {
        let before = std::mem::take(&mut self.before);
        if let Some(field) = self.focus.take().and_then(|index| self.fields.get_mut(index)) {
            field.set(before);
        }
    }

    /// Sets the errors, one for each field, and gives the keys to the first refused one; false when none is refused.
    pub fn refuse(&mut self, errors: impl IntoIterator<Item = Option<String>>) -> bool {
        for (field, error) in self.fields.iter_mut().zip(errors) {
            field.error = error;
        }
        let refused = self.fields.iter().position(|field| field.error.is_some());
        if let Some(index) = refused {
            self.edit(index);
        }
        refused.is_some()
    }

    /// The text of the field that has the keys changed: clears its error, and those of other fields that the change has
    /// settled. `errors` are those of the present texts, one for each field.
    pub fn typed(&mut self, errors: impl IntoIterator<Item = Option<String>>) {
        for (field, error) in self.fields.iter_mut().zip(errors) {
            if error.is_none() {
                field.error = None;
            }
        }
        if let Some(field) = self.focused() {
            field.error = None;
        }
    }

    fn focused(&mut self) -> Option<&mut FormField> {
        self.focus.and_then(|index| self.fields.get_mut(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form::of(["a", "b"].map(|text| FormField::of(text.to_owned())))
    }

    fn errors(form: &Form) -> Vec<Option<&str>> {
        form.fields().map(|(field, _)| field.error()).collect()
    }

    #[test]
    fn enter_goes_from_field_to_field_and_escape_restores_one() {
        let mut form = form();
        form.edit(0);
        *form.field().unwrap() = Field::from(" x ".to_owned());
        form.accept(|text| text.trim().to_owned());
        assert_eq!(form.fields().map(|(_, keys)| keys).collect::<Vec<_>>(), [false, true]);
        *form.field().unwrap() = Field::from("y".to_owned());
        form.leave();
        assert!(!form.is_typing() && form.field().is_none());
        assert_eq!(form.texts().collect::<Vec<_>>(), ["x", "b"]);
        form.edit(7);
        form.accept(str::to_owned);
        assert!(!form.is_typing(), "there is no field after the last");
    }

    #[test]
    fn a_refused_field_has_its_error_until_its_text_changes() {
        let mut form = form();
        assert!(!form.refuse([None, None]) && !form.is_typing());
        assert!(form.refuse([None, Some("taken".to_owned())]));
        assert_eq!(form.fields().map(|(_, keys)| keys).collect::<Vec<_>>(), [false, true], "the refused one");
        form.leave();
        assert_eq!(errors(&form), [None, Some("taken")], "the text is the refused one");
        form.edit(1);
        *form.field().unwrap() = Field::from("c".to_owned());
        form.typed([None, Some("still wrong".to_owned())]);
        assert_eq!(errors(&form), [None, None], "an error appears only when a text is refused");
        assert!(form.refuse([Some("empty".to_owned()), Some("taken".to_owned())]));
        form.accept(|_| "z".to_owned());
        assert_eq!(errors(&form), [None, Some("taken")]);
    }

    #[test]
    fn an_error_that_another_field_has_settled_is_cleared() {
        let mut form = form();
        form.refuse([None, Some("as above".to_owned())]);
        form.edit(0);
        *form.field().unwrap() = Field::from("c".to_owned());
        form.typed([None, None]);
        assert_eq!(errors(&form), [None, None]);
    }
}
