using Postern.Dashboard.Mail;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string MailHtmlTab { get; }
    public abstract string MailTextTab { get; }
    public abstract string MailHeadersTab { get; }
    public abstract string MailSourceTab { get; }
    public abstract string MailFilesTab { get; }
    public abstract string MailViews { get; }
    public abstract string MailFrameTitle { get; }
    public abstract string MailPicturesLeftOut { get; }
    public abstract string MailLinksStay { get; }
    public abstract string MailLoadPictures { get; }
    public abstract string MailPicturesLoaded { get; }
    public abstract string MailLeavePicturesOut { get; }
    public abstract string MailNoText { get; }
    public abstract string MailCut { get; }
    public abstract string MailField { get; }
    public abstract string Value { get; }
    public abstract string MailRawHeaders { get; }
    public abstract string MailDecodedHeaders { get; }
    public abstract string MailMoreFields { get; }
    public abstract string MailDownload { get; }
    public abstract string MailPlainSource { get; }
    public abstract string MailNoFiles { get; }
    public abstract string MailMoreFiles { get; }
    public abstract string Name { get; }
    public abstract string MailFileType { get; }
    public abstract string MailFileInline { get; }
    public abstract string MailDefects { get; }
    public abstract string MailEnvelope { get; }
    public abstract string MailTimeline { get; }
    public abstract string MailDate { get; }
    public abstract string SandboxExplained { get; }
    public abstract string SandboxEmpty { get; }
    public abstract string SandboxNoMatch { get; }
    public abstract string SandboxSearch { get; }
    public abstract string SandboxList { get; }
    public abstract string ContentOf(string id);
    public abstract string ContentGoneTitle { get; }
    public abstract string ContentGone { get; }
    public abstract string ContentDamaged { get; }
    public abstract string MailHtmlNotShown(MailHtmlTrouble trouble);
}
