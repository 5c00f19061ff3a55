using Postern.Dashboard.Mail;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string MailHtmlTab => "HTML";
    public override string MailTextTab => "Text";
    public override string MailHeadersTab => "Headers";
    public override string MailSourceTab => "Source";
    public override string MailFilesTab => "Attachments";
    public override string MailViews => "Views of this mail";
    public override string MailFrameTitle => "The mail as HTML";
    public override string MailPicturesLeftOut =>
        "Pictures that stand elsewhere are not loaded: loading them can tell the sender that "
        + "the mail was opened.";
    public override string MailLinksStay =>
        "Links in the mail do not open when they are clicked. To follow one, copy its address from "
        + "the menu of the right mouse button.";
    public override string MailLoadPictures => "Load remote pictures";
    public override string MailPicturesLoaded => "Remote pictures are loaded.";
    public override string MailLeavePicturesOut => "Leave them out";
    public override string MailNoText => "This mail has no text.";
    public override string MailCut => "Only the beginning is shown.";
    public override string MailField => "Field";
    public override string Value => "Value";
    public override string MailRawHeaders => "Show as they stand";
    public override string MailDecodedHeaders => "Show decoded";
    public override string MailMoreFields => "There are more fields in the source.";
    public override string MailDownload => "Download as .eml";
    public override string MailPlainSource => "All of it as plain text";
    public override string MailNoFiles => "This mail has no attachments.";
    public override string MailMoreFiles => "There are more attachments in the source.";
    public override string Name => "Name";
    public override string MailFileType => "Type";
    public override string MailFileInline => "within the text";
    public override string MailDefects => "Its MIME is not well-formed:";
    public override string MailEnvelope => "Envelope";
    public override string MailTimeline => "Its timeline";
    public override string MailDate => "Date";
    public override string SandboxExplained =>
        "What the provider inside the sandbox was given. Nothing left this machine.";
    public override string SandboxEmpty =>
        "No mail yet. Send one to port 2587 or through the API, and it appears here.";
    public override string SandboxNoMatch => "No mail matches.";
    public override string SandboxSearch => "Search sender, recipient and subject";
    public override string SandboxList => "All mail";
    public override string ContentOf(string id) => $"Content of {id}";
    public override string ContentGoneTitle => "The content is gone";
    public override string ContentGone =>
        "Content is dropped when the last recipient is done, unless queue.keep-content or the "
        + "route keeps it. The timeline stays.";
    public override string ContentDamaged =>
        "The stored content is damaged: it is not what was accepted. See the log and the "
        + "alarms.";

    public override string MailHtmlNotShown(MailHtmlTrouble trouble) => trouble switch
    {
        MailHtmlTrouble.TooLarge => "The HTML of this mail is too large to be shown; these are its words.",
        MailHtmlTrouble.TooDeep => "The HTML of this mail is nested too deeply; these are its words.",
        _ => "The HTML of this mail has too many elements to be shown; these are its words.",
    };
}
