using Postern.Mta.Suppressions;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string NameOf(SuppressionKind kind) => kind switch
    {
        SuppressionKind.Bounce => "바운스",
        SuppressionKind.Unsubscribe => "수신 거부",
        SuppressionKind.Complaint => "스팸 신고",
        _ => "허용",
    };

    public override string Address => "주소";
    public override string SuppressionAddressBegins => "주소 시작 부분";
    public override string SuppressionEveryDomain => "모든 도메인";
    public override string SuppressionKindWord => "목록";
    public override string SuppressionSince => "등록 시각";
    public override string Reason => "사유";
    public override string SuppressionAddTitle => "주소 추가";
    public override string Add => "추가";
    public override string Remove => "삭제…";
    public override string SuppressionRemoveTitle => "목록에서 삭제";
    public override string RemoveIt => "삭제";
    public override string SuppressionRemoveMeans => "이 주소로 메일을 다시 보내게 됩니다.";
    public override string SuppressionAllowMeans => "하드 바운스가 발생하면 이 주소가 다시 목록에 올라갑니다.";
    public override string SuppressionExport => "CSV로 내보내기";
    public override string SuppressionExchange => "Mailgun과의 목록 교환은 명령으로 합니다:";
    public override string SuppressionNothing => "목록에 등록된 주소가 없습니다.";
    public override string SuppressionNothingHere => "지금까지는 없습니다. 더 찾아볼 항목이 남아 있습니다.";
    public override string SuppressionUnread => "그런 목록은 없습니다.";
    public override string KeepIt => "그대로 두기";
}
