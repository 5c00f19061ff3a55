using Postern.Mta.Accounts;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string DomainsSending { get; }
    public abstract string DomainSource(bool isFile);
    public abstract string DomainSourceWord { get; }
    public abstract string DomainRecords { get; }
    public abstract string DomainRecordType { get; }
    public abstract string DomainRecordSeen { get; }
    public abstract string NameOf(DnsVerdict verdict);
    public abstract string DomainCheckNow { get; }
    public abstract string DomainCheckedNow { get; }
    public abstract string DomainNoAnswer { get; }
    public abstract string DomainMayDiffer { get; }
    public abstract string DomainsNone { get; }
    public abstract string DomainKeys { get; }
    public abstract string DomainKeysMean { get; }
    public abstract string Key { get; }
    public abstract string DomainKeyReach { get; }
    public abstract string DomainKeyOfAccount { get; }
    public abstract string DomainKeyMade { get; }
    public abstract string DomainKeyEnds { get; }
    public abstract string DomainKeyNever { get; }
    public abstract string DomainKeysNone { get; }
    public abstract string AccountsTitle { get; }
    public abstract string AccountSenders { get; }
    public abstract string AccountSendersMean { get; }
    public abstract string AccountAnySender { get; }
    public abstract string AccountQuota { get; }
    public abstract string AccountUsed { get; }
    public abstract string AccountAddTitle { get; }
    public abstract string AccountRemoveTitle { get; }
    public abstract string AccountRemoveMeans { get; }
    public abstract string AccountInFile { get; }
    public abstract string AccountsNone { get; }
}
