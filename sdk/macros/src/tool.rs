//! One tool: its signature decoded, then its entry in the manifest and its arm of the dispatch.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Ident, ItemFn, Signature, Type};

use crate::args::ToolArgs;
use crate::names;

pub(crate) struct Tool {
    pub(crate) name: String,
    function: Ident,
    description: String,
    input: Option<Input>,
    args: ToolArgs,
    conditions: Vec<Attribute>,
}

/// The one parameter: its type, and whether the function takes it by reference.
struct Input {
    ty: Type,
    by_reference: bool,
}

impl Tool {
    pub(crate) fn decode(function: &ItemFn, args: ToolArgs) -> syn::Result<Self> {
        let signature = &function.sig;
        refuse_what_cannot_be_called(signature)?;
        let (name, span) = match &args.name {
            Some(name) => (name.value(), name.span()),
            None => (names::kebab(&signature.ident.to_string()), signature.ident.span()),
        };
        let name = names::checked("tool", name, span)?;
        let description = names::doc_comment(&function.attrs);
        if description.is_empty() {
            let message = "a tool needs a doc comment: it is the description that models and people choose by";
            return Err(syn::Error::new(signature.ident.span(), message));
        }
        let input = match signature.inputs.len() {
            0 => None,
            1 => signature.inputs.first().map(input).transpose()?,
            _ => {
                let message =
                    "a tool takes one parameter at the most: a struct whose fields are the input's properties";
                return Err(syn::Error::new(signature.inputs.span(), message));
            }
        };
        let conditions = conditions(&function.attrs);
        Ok(Self { name, function: signature.ident.clone(), description, input, args, conditions })
    }

    pub(crate) fn manifest_entry(&self) -> TokenStream {
        let Self { name, description, args, conditions, .. } = self;
        let input_schema = match &self.input {
            None => quote!(::skillhost_sdk::__private::no_input_schema()),
            Some(input) => {
                let ty = &input.ty;
                quote_spanned!(ty.span()=> ::skillhost_sdk::__private::of_input::<#ty>())
            }
        };
        let output_schema = match &args.output {
            Some(ty) => quote_spanned! {ty.span()=>
                ::core::option::Option::Some(::skillhost_sdk::__private::of_output::<#ty>())
            },
            None => {
                let returns = self.returns();
                quote!(#returns.good().schema())
            }
        };
        let ToolArgs { read_only, destructive, idempotent, open_world, .. } = args;
        quote! {
            #(#conditions)*
            tools.push(::skillhost_sdk::Tool {
                name: ::std::string::String::from(#name),
                description: ::std::string::String::from(#description),
                input_schema: #input_schema,
                output_schema: #output_schema,
                hints: ::skillhost_sdk::Hints {
                    read_only: #read_only,
                    destructive: #destructive,
                    idempotent: #idempotent,
                    open_world: #open_world,
                },
            });
        }
    }

    pub(crate) fn dispatch_arm(&self) -> TokenStream {
        let Self { name, function, conditions, .. } = self;
        let (decode, argument) = match &self.input {
            None => (quote!(::skillhost_sdk::__private::no_input(input)?;), quote!()),
            Some(Input { ty, by_reference }) => {
                let borrow = by_reference.then(|| quote!(&));
                let decode = quote_spanned!(ty.span()=> let input: #ty = ::skillhost_sdk::__private::input(input)?;);
                (decode, quote!(#borrow input))
            }
        };
        let returns = self.returns();
        quote! {
            #(#conditions)*
            #name => {
                #decode
                let returned = #returns.take(#function(#argument))?;
                #returns.good().output(returned)
            }
        }
    }

    /// Stands for the function's return type, whatever name it is written by.
    fn returns(&self) -> TokenStream {
        let function = &self.function;
        match &self.input {
            None => quote!(::skillhost_sdk::__private::Returns::of_none(#function)),
            Some(_) => quote!(::skillhost_sdk::__private::Returns::of(#function)),
        }
    }
}

/// The `#[cfg]`s of a function: where it is not there, nothing may name it.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// A tool or a handler is called plainly, once, on values: the rest of Rust's signatures has no caller here.
pub(crate) fn refuse_what_cannot_be_called(signature: &Signature) -> syn::Result<()> {
    let refused = [
        (signature.asyncness.span(), signature.asyncness.is_some(), "async: a run does one thing after the other"),
        (signature.unsafety.span(), signature.unsafety.is_some(), "unsafe"),
        (signature.generics.span(), !signature.generics.params.is_empty(), "generic: its schema needs concrete types"),
    ];
    for (span, found, what) in refused {
        if found {
            return Err(syn::Error::new(span, format!("this function is called by the host and cannot be {what}")));
        }
    }
    Ok(())
}

fn input(argument: &FnArg) -> syn::Result<Input> {
    match argument {
        FnArg::Receiver(receiver) => Err(syn::Error::new(receiver.span(), "a tool is a free function, without `self`")),
        FnArg::Typed(typed) => Ok(match typed.ty.as_ref() {
            Type::Reference(reference) if reference.mutability.is_none() => {
                Input { ty: (*reference.elem).clone(), by_reference: true }
            }
            ty => Input { ty: ty.clone(), by_reference: false },
        }),
    }
}
